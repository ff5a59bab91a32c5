"""What was recognised in a program's output, told to a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lrscope.vocabulary import Kind, is_validation, same_name
from lrscope.vocabulary.printed import printed_kind


@dataclass(frozen=True)
class ParseReport:
    """What was read.

    Parameters
    ----------
    metrics : dict of str to int
        Metrics in the order seen, with the number of points of each.
    counter : str or None
        The name of the step counter, "counted lines" where there is none; None before the first point.
    example : str or None
        The first line that was read, shortened.
    others : tuple of str
        Numbers that were recognised and are no metrics (time, memory, settings).
    notes : tuple of str
        What had to be decided, one sentence each.
    wanted : str or None
        The metric that was asked for.
    """

    metrics: dict[str, int] = field(default_factory=dict)
    counter: str | None = None
    example: str | None = None
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    wanted: str | None = None

    def metric(self, name: str) -> str | None:
        """The metric that `name` means: case, spaces, `_`, `-` and `/` do not matter."""
        return next((m for m in self.metrics if m == name), None) or next(
            (m for m in self.metrics if same_name(m, name)), None
        )

    def text(self) -> str:
        """One sentence, and one more for everything that had to be decided."""
        if not self.metrics:
            seen = f"; saw only {_listed(self.others)}" if self.others else ""
            return f"No loss was recognised{seen}."
        main = [
            m
            for m in self.metrics
            if printed_kind(m) in (Kind.LOSS, Kind.SCORE) or (self.wanted and same_name(m, self.wanted))
        ]
        main = main or [m for m in self.metrics if printed_kind(m) is not Kind.RATE] or list(self.metrics)
        rest = [
            *(m for m in self.metrics if m not in main),
            *(o for o in self.others if o not in self.metrics),
        ]
        main.sort(key=is_validation)
        against = (
            "by counted lines" if self.counter == "counted lines" else f"against the counter `{self.counter}`"
        )
        also = f"; also saw {_listed(rest)}" if rest else ""
        return " ".join([f"Read {_listed(main)} {against}{also}.", *self.notes])


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "nothing"
