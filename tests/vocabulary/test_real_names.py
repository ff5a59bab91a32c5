"""What the names mean that people's frameworks really print and log."""

from __future__ import annotations

import pytest
from real_names import rows

from lrscope.vocabulary import meaning

ROWS = rows()


def test_the_table_is_large():
    """The table holds at least three hundred names, each meaning one thing only."""
    names = {name: (what, goal, phase) for _, name, what, goal, phase in ROWS}
    assert len(names) >= 300
    assert all(names[name] == (what, goal, phase) for _, name, what, goal, phase in ROWS)


@pytest.mark.parametrize("framework", sorted({row[0] for row in ROWS}))
def test_each_name_means_what_its_framework_means(framework: str):
    """Kind, better direction and phase of every name in the table are found from the name alone."""
    wrong = [
        f"{name}: {found.kind.value} {found.goal} {found.phase}, not {what.value} {goal} {phase}"
        for place, name, what, goal, phase in ROWS
        if place == framework
        and ((found := meaning(name)).kind, found.goal, found.phase) != (what, goal, phase)
    ]
    assert wrong == []
