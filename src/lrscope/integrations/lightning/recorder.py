"""The recorder as a Lightning callback.

trainer = Trainer(callbacks=[lrscope.lightning.Recorder()])
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lrscope.integrations.lightning.recompute_loss import given_elsewhere, recompute_loss
from lrscope.integrations.torch import Recorder as _Recorder
from lrscope.integrations.torch.hosted import HostedRecorder


class Recorder(HostedRecorder, Callback):
    """Records each optimiser step of a Lightning run; see `lrscope.torch.Recorder` for what is in a line.

    Parameters
    ----------
    path : path, optional
        Where to write; ``record.jsonl`` in the logger's folder, or in the trainer's, by default. With
        several optimisers, the second writes to ``record-1.jsonl``, and so on.
    every, gap_every : int, optional
        As for `lrscope.torch.Recorder`.

    Notes
    -----
    For the gap, `training_step` runs once or twice more on a batch now and then, without gradients; what it
    logs and what its metrics count meanwhile is dropped. A module with manual optimisation gets no gap and
    no loss.
    """

    def __init__(
        self, path: str | Path | None = None, *, every: int | None = None, gap_every: int | None = None
    ) -> None:
        super().__init__(path, every=every, gap_every=gap_every)
        self._recorders: list[_Recorder] = []
        self._states: list[Mapping[str, Any]] = []
        self._ended: list[dict[str, Any]] = []
        self._batch: tuple[Any, int] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, once the optimisers are there."""
        first = Path(self._path or Path(trainer.log_dir or trainer.default_root_dir) / "record.jsonl")
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        automatic = pl_module.automatic_optimization
        for number, optimizer in enumerate(trainer.optimizers):
            path = first if number == 0 else first.with_name(f"{first.stem}-{number}{first.suffix}")
            self._recorders.append(
                _Recorder(
                    optimizer,
                    pl_module if automatic else None,
                    path,
                    loss_fn=given_elsewhere,
                    scaler=scaler,
                    **self._settings,
                )
            )
        for recorder, state in zip(self._recorders, self._states, strict=False):
            recorder.load_state_dict(state)
        self._states = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Know the batch, in case the gap is measured on it."""
        self._batch = (batch, batch_idx)

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Capture the loss; Lightning has divided it by the number of accumulated batches."""
        if not pl_module.automatic_optimization or self._batch is None:
            return
        recompute = recompute_loss(trainer, pl_module, *self._batch)
        for recorder in self._recorders:
            recorder.capture(loss, recompute, trainer.accumulate_grad_batches)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the records."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the records also when training is broken off."""
        self._close()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        if self._recorders:
            return {"recorders": [recorder.state_dict() for recorder in self._recorders]}
        return {"recorders": self._ended}  # a checkpoint written after training

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._states = list(state_dict["recorders"])

    def _close(self) -> None:
        if self._recorders:
            self._ended = [recorder.state_dict() for recorder in self._recorders]
        for recorder in self._recorders:
            recorder.close()
        self._recorders = []
        self._batch = None
