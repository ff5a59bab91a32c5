"""What both callbacks share: they set the optimiser's rate, and their state can be saved beside the model."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lrscope.control.base import RateChange
from lrscope.errors import UsageError
from lrscope.integrations.delegate import NOT_STARTED, Delegate

Arrays = dict[str, Any]


class RateCallback(keras.callbacks.Callback):
    """Sets the rate of the model's optimiser.

    Parameters
    ----------
    backup : path, optional
        A file, written after each epoch and read when training begins, for an interrupted run to resume
        exactly; removed when training is complete. Put the callback after `keras.callbacks.BackupAndRestore`,
        which does the same for the model.
    """

    _saved: tuple[str, ...] = ()  # names in `_arrays`' JSON

    def __init__(self, backup: str | os.PathLike[str] | None = None) -> None:
        super().__init__()
        self._delegate: Delegate[Any] | None = None
        self._backup = Path(backup) if backup is not None else None

    @abstractmethod
    def _make_delegate(self) -> Delegate[Any]:
        """The delegate, at the optimiser's rate."""

    def _arrays(self) -> tuple[dict[str, Any], Arrays]:
        """What there is to save beside the delegate: what JSON holds, and arrays."""
        return {}, {}

    def _load_arrays(self, facts: dict[str, Any], arrays: Arrays) -> None:
        """Go on from `_arrays`."""

    @property
    def decisions(self) -> list[RateChange]:
        """What was changed so far, each with its reason."""
        return self._delegate.decisions if self._delegate is not None else []

    @property
    def lr(self) -> float:
        """The rate in use."""
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def set_lr(self, lr: float) -> None:
        """Set the rate from the next step on."""
        self.model.optimizer.learning_rate = lr

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin at the optimiser's rate, or go on from the backup if there is one."""
        try:
            self.set_lr(self.lr)
        except TypeError as error:
            raise UsageError(
                f"{type(self).__name__} cannot set the rate of an optimiser that follows a schedule: give the "
                "optimiser a number as its learning_rate."
            ) from error
        if self._delegate is None:
            self._delegate = self._make_delegate()
        if self._backup is not None and self._backup.exists():
            self.load(self._backup)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the backup."""
        if self._backup is not None:
            self.save(self._backup)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Training is complete: the backup is not needed any more."""
        if self._backup is not None:
            self._backup.unlink(missing_ok=True)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that an exact resume needs, beside the model's own weights and optimiser."""
        facts, arrays = self._arrays()
        facts |= {
            **self._at_work().to_json(),
            "callback": type(self).__name__,
            "iterations": self._iterations(),
        }
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        with new.open("wb") as file:
            np.savez(file, facts=np.asarray(json.dumps(facts)), **arrays)
        new.replace(path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Go on from `save`, when the model is as it was then.

        Raises
        ------
        UsageError
            If the file is another callback's, or the model's optimiser has made another number of steps.
        """
        try:
            with np.load(Path(path), allow_pickle=False) as file:
                facts = json.loads(str(file["facts"]))
                arrays = {name: file[name] for name in file.files if name != "facts"}
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(
                f"{path} cannot be read as the state of a {type(self).__name__}: {error}"
            ) from error
        if facts.get("callback") != type(self).__name__:
            raise UsageError(
                f"{path} holds the state of a {facts.get('callback')}, not of a {type(self).__name__}."
            )
        if facts["iterations"] != self._iterations():
            raise UsageError(
                f"{path} was written after {facts['iterations']} steps of the optimiser, and the model's has made "
                f"{self._iterations()}: load the model of that moment first (with "
                "keras.callbacks.BackupAndRestore before this callback), or remove the file to begin anew."
            )
        self._at_work().from_json(facts, *self._saved)
        self._load_arrays(facts, arrays)

    def _at_work(self) -> Delegate[Any]:
        if self._delegate is None:
            raise UsageError(NOT_STARTED)
        return self._delegate

    def _iterations(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
