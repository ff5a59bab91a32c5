"""`file.py:name` and `package.module:name`: what is found, and what is said where nothing is."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from lrscope.config import Config
from lrscope.errors import SourceError
from lrscope.training.source.function.source import FunctionSource, loading


@pytest.fixture(autouse=True)
def _clean_imports(monkeypatch: pytest.MonkeyPatch):
    """Modules and folders that a test imports are forgotten after it."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


GOOD = "def train(lr):\n    yield lr\n"


def refused(spec: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        FunctionSource(spec)
    assert "\n" not in caught.value.message
    return caught.value


def test_a_file_is_imported_once_as_running_it_would(tmp_path: Path):
    """Its neighbours can be imported, it is imported once for two functions, and its guard is respected."""
    write(tmp_path, "neighbour_a.py", "RATE = 3\n")
    path = write(
        tmp_path,
        "model_a.py",
        "import neighbour_a\nCOUNT = []\n"
        "def train(lr):\n    COUNT.append(1)\n    yield lr * neighbour_a.RATE\n"
        "def other(lr):\n    yield len(COUNT)\n"
        "class Deep:\n    @staticmethod\n    def fit(lr):\n        yield lr\n"
        "if __name__ == '__main__':\n    raise SystemExit('ran')\n",
    )
    assert FunctionSource(f"{path}:train").start(Config(lr=2.0), 0).advance(None, 9).points == [
        (1, "loss", 6.0)
    ]
    assert FunctionSource(f"{path}:other").start(Config(lr=2.0), 0).advance(None, 9).points == [
        (1, "loss", 1.0)
    ]
    assert FunctionSource(f"{path}:Deep.fit").start(Config(lr=2.0), 0).advance(None, 9).points == [
        (1, "loss", 2.0)
    ]


def test_files_with_awkward_names_do_not_replace_modules(tmp_path: Path):
    """A file called like a library, or with a dash in its name, is loaded under another name."""
    import json

    for name in ("json.py", "my-model.py"):
        path = write(tmp_path, name, GOOD)
        assert FunctionSource(f"{path}:train").start(Config(lr=2.0), 0).advance(None, 9).points == [
            (1, "loss", 2.0)
        ]
    assert sys.modules["json"] is json


def test_a_module_is_found_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`package.module:name` looks in the working folder, as `python -m` does."""
    (tmp_path / "package_b").mkdir()
    write(tmp_path / "package_b", "model.py", GOOD)
    monkeypatch.chdir(tmp_path)
    source = FunctionSource("package_b.model:train")
    assert source.name == "model-train"
    assert source.identity() == {"function": "package_b.model:train"}
    assert list(source.fingerprint()) == ["model.py"]


def test_a_spec_travels_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A relative path means the same after pickling, wherever it is unpickled; the identity stays as
    typed."""
    write(tmp_path, "model_c.py", GOOD)
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(FunctionSource("model_c.py:train"))
    program = "import pickle, sys; print(pickle.loads(bytes.fromhex(sys.argv[1])).identity())"
    done = subprocess.run(
        [sys.executable, "-c", program, data.hex()],
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "{'function': 'model_c.py:train'}"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("model.py", "Name the function in model.py that trains: model.py:name (it has train, evaluate)."),
        ("model.py:", "Name the function in model.py that trains: model.py:name (it has train, evaluate)."),
        ("model.py:trian", "model.py has no 'trian' (did you mean train?)."),
        ("model.py:zzz", "model.py has no 'zzz'; it has train, evaluate."),
        ("modle.py:train", "There is no file 'modle.py' (there is model.py)."),
        ("train", "'train' names no function"),
        (":train", "names no function"),
        ("", "No function was named"),
        ("my model:train", "'my model' is neither a .py file nor a module."),
        ("nowhere_at_all.model:train", "There is no module 'nowhere_at_all'"),
        ("model:train.inner", "model has no 'train.inner'"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec, sentence
):
    """A missing file, module or name is one sentence, with near matches or with what there is."""
    write(tmp_path, "model.py", GOOD + "def evaluate(lr):\n    yield lr\n")
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(spec).message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("def train(lr:\n    pass\n", ["could not be imported: SyntaxError in broken.py, line 1"]),
        ("\nraise ValueError('not today')\n", ["ValueError in <module> (broken.py, line 2): not today"]),
        (
            "import nowhere_at_all\n",
            ["ModuleNotFoundError in <module> (broken.py, line 1)", "nowhere_at_all"],
        ),
        ("import sys\nsys.exit(2)\n", ["ended itself while it was imported", 'if __name__ == "__main__"']),
    ],
)
@pytest.mark.parametrize("form", ["broken.py:train", "broken:train"])
def test_a_file_that_cannot_be_imported_names_the_users_line(tmp_path, monkeypatch, text, parts, form):
    """A syntax error, an exception, a missing module or an exit while importing: one sentence with the
    user's line, and the user's traceback, without ours, as detail."""
    write(tmp_path, "broken.py", text)
    monkeypatch.chdir(tmp_path)
    error = refused(form)
    assert all(part in error.message for part in parts), error.message
    assert "broken.py" in error.detail
    assert "loading.py" not in error.detail
    assert "importlib" not in error.detail
    assert not [name for name in sys.modules if name.startswith("broken")]


def test_functions_of_a_main_script_are_loaded_under_an_alias(tmp_path: Path):
    """Another process imports the script without running what stands under its guard."""
    path = write(tmp_path, "script_d.py", "NAME = __name__\nif NAME == '__main__':\n    raise SystemExit\n")
    assert loading.load_file(path, loading.MAIN_ALIAS).NAME == loading.MAIN_ALIAS
