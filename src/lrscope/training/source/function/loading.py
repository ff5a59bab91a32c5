"""From `file.py:name` or `package.module:name` to the object: imported once, and every mistake in one
sentence."""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from lrscope.errors import SourceError
from lrscope.training.source.function.usercode import tell

MAIN_ALIAS = "__lrscope_main__"
"""Name under which a worker imports the user's main script, so that what its `__main__` guard keeps does not
run."""


def resolve(spec: str) -> str:
    """The spec with the file's path made absolute, so that it means the same in another process.

    Raises
    ------
    SourceError
        If it is no `file.py:name` or `package.module:name`, or the file does not exist.
    """
    place, _, name = spec.rpartition(":")
    if not place and spec.endswith(".py"):
        place, name = spec, ""
    if not place and not name:
        raise SourceError("No function was named: give file.py:name or package.module:name.")
    if _is_file(place):
        path = Path(place).expanduser().absolute()
        if not path.is_file():
            raise SourceError(f"There is no file {place!r}{_near_file(path)}.")
        if not name:
            raise SourceError(
                f"Name the function in {path.name} that trains: {place}:name{_functions(path)}."
            )
        return f"{path}:{name}"
    if not place or not name:
        raise SourceError(f"{spec!r} names no function: give file.py:name or package.module:name.")
    if not all(part.isidentifier() for part in place.split(".")):
        hint = f" (did you mean {place}.py:{name}?)" if Path(f"{place}.py").is_file() else ""
        raise SourceError(f"{place!r} is neither a .py file nor a module{hint}.")
    return spec


def load_object(spec: str) -> Any:
    """The object that a resolved spec names.

    The file's folder is put on `sys.path` as running the file would do (for a module: the working folder).
    The file is imported under its own stem, unless another module has that name.

    Raises
    ------
    SourceError
        If it cannot be imported or holds no such name; `detail` has the user's traceback.
    """
    place, _, name = spec.rpartition(":")
    module = load_file(Path(place)) if _is_file(place) else _load_module(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            where = Path(place).name if _is_file(place) else place
            raise SourceError(f"{where} has no {name!r}{_near_name(module, name)}.")
        found = getattr(found, part)
    return found


def source_file(spec: str) -> Path | None:
    """The file that a resolved spec names, where it names one."""
    place = spec.rpartition(":")[0]
    return Path(place) if _is_file(place) else None


def load_file(path: Path, name: str | None = None) -> ModuleType:
    """Import a file once, under `name` or a sensible one."""
    name = name or _module_name(path)
    known = sys.modules.get(name)
    if known is not None:
        return known
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SourceError(f"{path.name} cannot be imported: its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs, as the import system does: dataclasses and pickle look there
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        sys.modules.pop(name, None)
        raise
    except BaseException as error:
        sys.modules.pop(name, None)
        raise _failed_import(path.name, error) from None
    return module


def _load_module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise SourceError(
                f"There is no module {error.name!r} (looked in {here} and in what is installed); a file is "
                "given as path/to/file.py:name."
            ) from None
        raise _failed_import(name, error) from None
    except BaseException as error:
        raise _failed_import(name, error) from None


def _failed_import(what: str, error: BaseException) -> SourceError:
    if isinstance(error, SourceError):
        return error
    reason, detail = tell(error)
    if isinstance(error, SystemExit):
        return SourceError(
            f"{what} ended itself while it was imported ({reason.rstrip('.')}): keep what it does when run "
            'under if __name__ == "__main__".',
            detail=detail,
        )
    return SourceError(f"{what} could not be imported: {reason}", detail=detail)


def _module_name(path: Path) -> str:
    stem = path.stem
    known = sys.modules.get(stem)
    if known is not None and _same_file(getattr(known, "__file__", None), path):
        return stem
    if stem.isidentifier() and known is None and stem not in sys.stdlib_module_names:
        return stem
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    return f"{''.join(c if c.isalnum() else '_' for c in stem)}_{digest}"


def _same_file(one: str | None, other: Path) -> bool:
    return one is not None and Path(one).resolve() == other.resolve()


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or "\\" in place


def _near_file(path: Path) -> str:
    try:
        there = [entry.name for entry in path.parent.glob("*.py")]
    except OSError:
        there = []
    close = difflib.get_close_matches(path.name, there, n=2)
    return f" (there is {' and '.join(close)})" if close else ""


def _functions(path: Path) -> str:
    """The functions that a file defines, read without running it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return ""
    names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    return f" (it has {', '.join(names[:8])})" if names else ""


def _near_name(module: ModuleType, name: str) -> str:
    there = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
    close = difflib.get_close_matches(name, there, n=3, cutoff=0.5)
    if close:
        return f" (did you mean {' or '.join(close)}?)"
    own = [n for n in there if getattr(vars(module)[n], "__module__", None) == module.__name__]
    return f"; it has {', '.join(own[:8])}" if own else "; it defines no function"
