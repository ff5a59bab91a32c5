"""What both callbacks are: something with a rate to set, and a state that can be saved beside the model."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lrscope.control.base import Action, RateChange
from lrscope.errors import UsageError

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

    def __init__(self, backup: str | os.PathLike[str] | None = None) -> None:
        super().__init__()
        self.decisions: list[RateChange] = []
        self._backup = Path(backup) if backup is not None else None

    @abstractmethod
    def _facts(self) -> tuple[dict[str, Any], Arrays]:
        """The state: what JSON holds, and arrays."""

    @abstractmethod
    def _recall(self, facts: dict[str, Any], arrays: Arrays) -> None:
        """Go on from `_facts`."""

    @property
    def lr(self) -> float:
        """The rate in use."""
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def set_lr(self, lr: float) -> None:
        """Set the rate from the next step on."""
        self.model.optimizer.learning_rate = lr

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Look whether the rate can be set, and go on from the backup if there is one."""
        try:
            self.set_lr(self.lr)
        except TypeError as error:
            raise UsageError(
                f"{type(self).__name__} cannot set the rate of an optimiser that follows a schedule: give the "
                "optimiser a number as its learning_rate."
            ) from error
        if self._backup is not None and self._backup.exists():
            self.load(self._backup)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the backup."""
        if self._backup is not None:
            self.save(self._backup)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Training is complete: the backup has served."""
        if self._backup is not None:
            self._backup.unlink(missing_ok=True)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that an exact resume needs, beside the model's own weights and optimiser."""
        facts, arrays = self._facts()
        facts |= {
            "callback": type(self).__name__,
            "iterations": self._iterations(),
            "decisions": [decision.to_json() for decision in self.decisions],
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
        if facts["callback"] != type(self).__name__:
            raise UsageError(
                f"{path} holds the state of a {facts['callback']}, not of a {type(self).__name__}."
            )
        if facts["iterations"] != self._iterations():
            raise UsageError(
                f"{path} was written after {facts['iterations']} steps of the optimiser, and the model's has made "
                f"{self._iterations()}: load the model of that moment first (with "
                "keras.callbacks.BackupAndRestore before this callback), or remove the file to begin anew."
            )
        self.decisions = [RateChange(**{**d, "action": Action(d["action"])}) for d in facts["decisions"]]
        self._recall(facts, arrays)

    def _iterations(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
