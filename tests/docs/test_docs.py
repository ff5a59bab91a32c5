"""What the documentation shows is what happens."""

import ast
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

import lrscope
from lrscope.cli.scan import command

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"(?:<!-- (?P<mark>[^>]*?) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)


def blocks(page: Path, language: str) -> list[tuple[str | None, str]]:
    """(mark, code) of the fenced blocks in this language."""
    return [
        (m["mark"], m["code"]) for m in FENCE.finditer(page.read_text("utf-8")) if m["language"] == language
    ]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def workplace(tmp_path):
    """A folder with the examples in it, and an environment in which `lrscope` and `python` are these."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, words in (("lrscope", f'"{sys.executable}" -m lrscope'), ("python", f'"{sys.executable}"')):
        (tools / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (tools / name).chmod(0o755)
    source = str(Path(lrscope.__file__).parents[1])
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": source, "NO_COLOR": "1"}
    return tmp_path, env


def alone(mark):
    """The package of a block that runs by itself, marked `<!-- alone: PACKAGE -->`."""
    return mark.removeprefix("alone: ") if mark and mark.startswith("alone: ") else None


def skip_without(code):
    """Skip where a framework that the code imports is not installed."""
    for name in ("torch", "lightning", "transformers", "accelerate", "keras", "jax", "optax"):
        if re.search(rf"^(import|from) {name}\b", code, re.MULTILINE) and not importlib.util.find_spec(name):
            pytest.skip(f"needs {name}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "code"),
    [
        pytest.param(p, c, id=f"{named(p)}-{package}")
        for p in PAGES
        for m, c in blocks(p, "python")
        if (package := alone(m))
    ],
)
def test_the_python_for_a_framework_runs(page, code, workplace):
    """A Python block marked `<!-- alone: PACKAGE -->` runs by itself, where the package is installed."""
    skip_without(code)
    folder, env = workplace
    env |= {"CUDA_VISIBLE_DEVICES": "", "KERAS_HOME": str(folder), "ACCELERATE_USE_CPU": "true"}
    if importlib.util.find_spec("torch"):
        env |= {"KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, timeout=200
    )  # without -W error: frameworks warn of one another
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=named)
def test_the_python_on_a_page_runs(page, workplace):
    """The Python blocks of a page run one after the other, as a reader would run them."""
    folder, env = workplace
    code = "\n\n".join(code for mark, code in blocks(page, "python") if not alone(mark))
    skip_without(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "code"),
    [
        pytest.param(p, c, id=f"{named(p)}-{i}")
        for p in PAGES
        for i, (m, c) in enumerate(blocks(p, "sh"))
        if m == "run"
    ],
)
def test_a_marked_command_runs(page, code, workplace):
    """A shell block marked `<!-- run -->` ends with status 0."""
    folder, env = workplace
    done = subprocess.run(
        ["bash", "-ec", code], cwd=folder, env=env, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_marked_commands_exist():
    """There are marked commands, so that the test above tests something."""
    assert sum(mark == "run" for page in PAGES for mark, _ in blocks(page, "sh")) >= 3


def test_every_public_name_has_an_entry():
    """Each public name is on the API page, and nothing else is."""
    entries = re.findall(r"^::: lrscope\.(\w+)$", (ROOT / "docs" / "api.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(entries) == sorted(lrscope.__all__)


def test_every_name_on_the_pages_resolves():
    """Each `lrscope.…` that a page or an entry of the API names is there; `lrscope.scan/2` is a schema's name."""
    name = re.compile(r"(?<![\w./-])lrscope((?:\.[A-Za-z_]\w*)+)(?![\w/]|-test/)")
    found = {
        (named(page), match)
        for page in [*PAGES, ROOT / "mkdocs.yml"]
        for match in name.findall(page.read_text("utf-8"))
    }
    assert len(found) > 60
    assert [
        (page, f"lrscope{rest}") for page, rest in sorted(found) if not resolves(rest[1:].split("."))
    ] == []


def resolves(parts):
    """Whether `lrscope.` with these parts leads somewhere; where a framework does not load, whether the file has it."""
    thing = lrscope
    for i, part in enumerate(parts):
        try:
            if not hasattr(thing, part) and isinstance(thing, ModuleType):
                importlib.import_module(f"{thing.__name__}.{part}")
            thing = getattr(thing, part)
        except (lrscope.UsageError, ModuleNotFoundError):
            framework = parts[1] if parts[0] == "integrations" else parts[0]
            if framework not in lrscope._FRAMEWORKS:
                return False
            return set(parts[i:]) - {"integrations", framework} <= bound_in(framework)
        except AttributeError:
            return False
    return True


def bound_in(framework):
    """What the file of this integration defines, imports or assigns at its top."""
    folder = Path(lrscope.__file__).parent / "integrations"
    path = next(p for p in (folder / f"{framework}.py", folder / framework / "__init__.py") if p.exists())
    names = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                names |= {alias.asname or alias.name for alias in node.names}
            case ast.Assign():
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def test_every_file_that_a_page_names_exists():
    """A path of this repository in the text, such as `benchmarks/cores.py`, leads to a file or folder."""
    path = re.compile(r"(?<![\w/.-])(?:benchmarks|docs|examples|src|tests)/[\w./-]*\w")
    for page in PAGES:
        for target in path.findall(page.read_text("utf-8")):
            assert (ROOT / target).exists(), f"{named(page)}: {target}"


def test_every_option_is_on_the_page_of_the_command_line():
    """The table of options and the command know the same options."""
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    table = page.partition("## `lrscope report`")[0]
    shown = set(
        re.findall(r"(?<![\w-])--[a-z][a-z-]*", "\n".join(re.findall(r"^\| `.*", table, re.MULTILINE)))
    )
    options = {o for p in command.params if isinstance(p, click.Option) for o in p.opts if o.startswith("--")}
    assert shown == options


def test_links_between_pages_lead_somewhere():
    """A relative link in the README or the docs names a file that exists."""
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{named(page)}: {target}"


def test_the_readme_holds_exactly_two_set_up_commands_of_one_line():
    """One line installs and runs the main job, one line installs and runs the tests."""
    section = (ROOT / "README.md").read_text("utf-8").partition("## Set up")[2].partition("\n## ")[0]
    commands = [m["code"] for m in FENCE.finditer(section)]
    assert len(commands) == 2
    assert all(c.count("\n") == 1 for c in commands)
    assert "lrscope scan" in commands[0]
    assert "pytest" in commands[1]
