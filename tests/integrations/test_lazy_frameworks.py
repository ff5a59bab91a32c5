"""Frameworks are loaded on first use, and a missing one is named."""

from __future__ import annotations

import subprocess
import sys


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"}
    )
    return done.stdout


def test_import_lrscope_loads_no_framework() -> None:
    """`import lrscope`, looking at its names included, loads neither torch nor NumPy."""
    out = _python(
        "import sys, lrscope; dir(lrscope); "
        "print([m for m in ('torch', 'numpy', 'lightning', 'transformers', 'accelerate', 'keras', 'jax', 'optax') "
        "if m in sys.modules])"
    )
    assert out.strip() == "[]"


def test_a_missing_framework_is_named_with_the_extra() -> None:
    """Without PyTorch, `lrscope.torch` says what to install."""
    out = _python(
        "import sys; sys.modules['torch'] = None\n"
        "import lrscope\n"
        "try: lrscope.torch\n"
        "except lrscope.UsageError as error: print(error)"
    )
    assert out.strip() == "lrscope.torch needs torch, which is not installed: pip install 'lrscope[torch]'."


def test_other_names_are_missing_as_ever() -> None:
    """A name that does not exist is an AttributeError, so that `hasattr` works."""
    assert _python("import lrscope; print(hasattr(lrscope, 'tensorflow'))").strip() == "False"
