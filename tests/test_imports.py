"""What is loaded when: counted in modules, because seconds depend on the machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lrscope

HEAVY = {
    "numpy", "scipy", "pandas", "matplotlib", "torch", "ray", "sklearn", "optuna", "rich", "psutil",
    "multiprocessing", "sqlite3", "asyncio",
}  # fmt: skip


def loaded_by(code: str) -> set[str]:
    """The modules that `code` adds to a bare interpreter's."""
    program = (
        f"import sys\nbefore = set(sys.modules)\n{code}\nadded = sorted(set(sys.modules) - before)\n"
        "import json\nprint(json.dumps(added), file=sys.stderr)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(lrscope.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_importing_lrscope_loads_nothing_heavy():
    """`import lrscope` loads itself and a few small modules of the standard library: under 40 in all."""
    modules = loaded_by("import lrscope")
    assert not {m.partition(".")[0] for m in modules} & HEAVY
    assert {m for m in modules if m.startswith("lrscope.")} == {"lrscope._version"}
    assert len(modules) < 40, sorted(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["scan", "--help"],
        ["report", "--help"],
        ["diagnose", "--help"],
        ["stepping", "--help"],
    ],
)
def test_help_loads_click_and_nothing_heavy(arguments):
    """Help and version answer without NumPy, rich or any framework: under 150 modules."""
    modules = loaded_by(f"from lrscope.cli.main import run\nassert run({arguments!r}) == 0")
    assert not {m.partition(".")[0] for m in modules} & HEAVY
    assert "click" in modules
    assert len(modules) < 150, len(modules)


def test_the_public_function_loads_no_framework():
    """Even `lrscope.scan` itself loads no framework, and no drawing library."""
    modules = {m.partition(".")[0] for m in loaded_by("import lrscope\nlrscope.scan")}
    assert not modules & {"torch", "ray", "sklearn", "optuna", "pandas", "matplotlib"}
