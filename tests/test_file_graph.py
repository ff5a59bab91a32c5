"""Files import one another in one direction: no circle, in the package or beside it.

Every import counts: at the top of a file, inside a function, and for type checkers only. That a module's
package is loaded before it does not count; no file can help that.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def imported(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(module, names taken from it) of each import in a file; no relative ones, which are forbidden here."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: line {node.lineno} imports relatively"
            yield node.module, [alias.name for alias in node.names]


def file_of(name: str, folders: list[Path]) -> Path | None:
    """The file of a module in the first of these folders that has it."""
    for folder in folders:
        place = folder.joinpath(*name.split("."))
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
    return None


def graph(root: Path, *, package: bool) -> dict[Path, set[Path]]:
    """For each file under `root`, the files there that it imports.

    In a package modules are named from `root`; scripts and tests name those beside them, or in a folder above.
    """
    found: dict[Path, set[Path]] = {}
    for path in sorted(root.rglob("*.py")):
        above = [folder for folder in path.parents if folder.is_relative_to(root)]
        folders = [root] if package else above
        targets: set[Path | None] = set()
        for module, names in imported(path):
            inner = [file_of(f"{module}.{name}", folders) for name in names]
            targets |= set(inner)
            if not inner or None in inner:  # a name that the module itself holds
                targets.add(file_of(module, folders))
        found[path] = {target for target in targets if target is not None and target != path}
    return found


def circle(files: dict[Path, set[Path]]) -> list[Path]:
    """Files of which each imports the one before it, the first and the last the same; empty where none is."""
    try:
        TopologicalSorter(files).prepare()
    except CycleError as found:
        return list(found.args[1])
    return []


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "examples"])
def test_no_files_import_one_another_in_a_circle(folder):
    """Whoever reads a file can read what it needs first; imports inside functions are no way around."""
    files = graph(ROOT / folder, package=folder == "src")
    assert files
    assert [str(path.relative_to(ROOT)) for path in circle(files)] == []


def test_a_circle_is_found_wherever_its_imports_stand(tmp_path):
    """Scripts in one folder that import each other, one for type checkers only, one inside a function."""
    (tmp_path / "one.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from two import x\n"
    )
    (tmp_path / "two.py").write_text("def x():\n    import one\n")
    (tmp_path / "three.py").write_text("import one, math\n")
    files = graph(tmp_path, package=False)
    assert files[tmp_path / "three.py"] == {tmp_path / "one.py"}
    assert set(circle(files)) == {tmp_path / "one.py", tmp_path / "two.py"}


def test_a_circle_through_names_of_a_package_is_found(tmp_path):
    """`from package import module` leads to the module, `from package import name` to the package's own file."""
    room = tmp_path / "room"
    room.mkdir()
    (room / "__init__.py").write_text("from room.low import thing\n")
    (room / "low.py").write_text("")
    (room / "high.py").write_text("from room import low, thing\n")
    files = graph(tmp_path, package=True)
    assert files[room / "high.py"] == {room / "low.py", room / "__init__.py"}
    assert circle(files) == []
    (room / "low.py").write_text("from room import high\n")
    assert room / "high.py" in circle(graph(tmp_path, package=True))
