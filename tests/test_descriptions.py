"""The tests read as a description of what lrscope does."""

import ast
from pathlib import Path

import lrscope


def test_each_test_states_its_fact():
    """A test's docstring is a sentence; so is that of each law in the suites that others inherit."""
    suites = Path(lrscope.__file__).parent / "testing"
    silent, seen = [], 0
    for path in [*Path(__file__).parent.rglob("*.py"), *suites.glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                seen += 1
                fact = ast.get_docstring(node) or ""
                if " " not in fact or not fact.rstrip(")`").endswith((".", "!", "?", "…")):
                    silent.append(f"{path.name}: {node.name}")
    assert seen > 500
    assert silent == []
