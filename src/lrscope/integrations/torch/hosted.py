"""What the callbacks of frameworks share that own the training loop: a scheduler of `lrscope.torch` inside, which they
make once the optimiser is there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from torch import nn

from lrscope.control.base import RateChange
from lrscope.control.compose import Guarded, guarded_gap
from lrscope.control.plateau import epoch_plateau, sign_of
from lrscope.errors import UsageError
from lrscope.integrations.delegate import NOT_STARTED
from lrscope.integrations.torch.plateau import PlateauScheduler
from lrscope.integrations.torch.recorder import check_spacing
from lrscope.integrations.torch.scheduler import GapScheduler

Inner = TypeVar("Inner", GapScheduler, PlateauScheduler)


class HostedScheduler(Generic[Inner]):
    """A callback around a scheduler."""

    _scheduler: Inner | None = None
    _loaded: Mapping[str, Any] | None = (
        None  # the state of a checkpoint, until there is a scheduler to give it to
    )

    @property
    def scheduler(self) -> Inner:
        """The scheduler at work, once training has started."""
        if self._scheduler is None:
            raise UsageError(NOT_STARTED)
        return self._scheduler

    @property
    def decisions(self) -> list[RateChange]:
        """What was changed so far, each with its reason."""
        return self._scheduler.decisions if self._scheduler is not None else []

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"scheduler": self._loaded if self._scheduler is None else self._scheduler.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a checkpoint, once training starts."""
        self._loaded = state_dict["scheduler"]

    def _start(self, scheduler: Inner) -> Inner:
        """Put a scheduler to work, from the state of a checkpoint where one was loaded."""
        self._scheduler = scheduler
        if self._loaded is not None:
            scheduler.load_state_dict(self._loaded)
            self._loaded = None
        return scheduler


class HostedGapScheduler(HostedScheduler[GapScheduler]):
    """A callback around a `GapScheduler`; arguments are checked here, before training starts."""

    def __init__(
        self,
        held_out: Iterable[Any] | None = None,
        *,
        every: int = 8,
        warmup: int = 50,
        control: Guarded | None = None,
        record: str | os.PathLike[str] | None = None,
    ) -> None:
        guarded_gap(control, every=every, warmup=warmup)
        self._settings: dict[str, Any] = {
            "held_out": held_out,
            "every": every,
            "warmup": warmup,
            "control": control,
            "record": record,
        }

    def finish(self, steps: int) -> None:
        """Take the rate to zero over the coming steps; see `lrscope.torch.GapScheduler.finish`."""
        self.scheduler.finish(steps)

    @contextmanager
    def averaged(self, loader: Iterable[Any] | None = None) -> Iterator[nn.Module]:
        """The model with the averaged weights inside the block; see `lrscope.torch.GapScheduler.averaged`."""
        with self.scheduler.averaged(loader) as model:
            yield model

    def _close(self) -> None:
        if self._scheduler is not None:
            self._scheduler.close()


class HostedPlateauScheduler(HostedScheduler[PlateauScheduler]):
    """A callback around a `PlateauScheduler`; arguments are checked here, before training starts."""

    def __init__(self, monitor: str, mode: Literal["min", "max"] = "min", **settings: Any) -> None:
        sign_of(mode)
        epoch_plateau(**settings)
        self.monitor = monitor
        self._settings: dict[str, Any] = {"mode": mode, **settings}


class HostedRecorder:
    """A callback around a `Recorder`."""

    def __init__(
        self, path: str | Path | None = None, *, every: int | None = None, gap_every: int | None = None
    ) -> None:
        check_spacing(every, gap_every)
        self._path = path
        self._settings: dict[str, Any] = {"every": every, "gap_every": gap_every}
