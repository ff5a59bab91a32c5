"""Held-out batches come one after the other, pass after pass, and a position says where a resumed run goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.errors import UsageError
from lrscope.integrations.batch_cycle import BatchCycle


@given(st.integers(1, 5), st.integers(0, 12), st.integers(0, 12))
def test_a_cycle_goes_on_where_its_position_says(length: int, before: int, after: int) -> None:
    """Whatever was drawn before, a new cycle at the old one's position gives the batches that the old one gives."""
    cycle = BatchCycle(list(range(length)))
    drawn = [cycle.next() for _ in range(before)]
    assert drawn == [i % length for i in range(before)]
    again = BatchCycle(list(range(length)))
    again.position = cycle.position
    assert [again.next() for _ in range(after)] == [cycle.next() for _ in range(after)]


def test_another_pass_leaves_the_position() -> None:
    """All batches are gone through from the first on, and the cycle goes on where it was."""
    cycle = BatchCycle("abc")
    assert [cycle.next(), *cycle.another_pass(), cycle.next()] == ["a", "a", "b", "c", "b"]


@pytest.mark.parametrize(("given", "named"), [(iter([1]), "an iterator, which ends"), (3, "int")])
def test_what_cannot_be_gone_through_again_is_refused(given: object, named: str) -> None:
    """An iterator, and what holds no batches at all."""
    with pytest.raises(UsageError, match=f"got {named}"):
        BatchCycle(given)


def test_no_batch_is_said() -> None:
    """An empty list is refused at the first draw."""
    with pytest.raises(UsageError, match="holds no batch"):
        BatchCycle([]).next()
