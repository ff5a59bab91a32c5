"""The recorder as a callback of Hugging Face's Trainer.

trainer = Trainer(..., callbacks=[lrscope.transformers.Recorder()])
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lrscope.integrations.torch import Recorder as _Recorder
from lrscope.integrations.torch.hosted import HostedRecorder
from lrscope.integrations.transformers.unwrapping import unwrapped


class Recorder(HostedRecorder, TrainerCallback):
    """Records each optimiser step of a Trainer's run; see `lrscope.torch.Recorder` for what is in a line.

    Parameters
    ----------
    path : path, optional
        Where to write; ``record.jsonl`` in the output folder by default.
    every, gap_every : int, optional
        As for `lrscope.torch.Recorder`.

    Notes
    -----
    The loss is the one in the model's output. A Trainer that computes its loss by another function (label
    smoothing, `compute_loss_func`) is recorded with norms and cosine, but without loss and gap. The running
    average for the gap is not kept in checkpoints: after resuming, it begins anew.
    """

    def __init__(
        self, path: str | Path | None = None, *, every: int | None = None, gap_every: int | None = None
    ) -> None:
        super().__init__(path, every=every, gap_every=gap_every)
        self._recorder: _Recorder | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin, once model and optimiser are there."""
        self._close()
        optimizer = unwrapped(kwargs["optimizer"])
        self._recorder = _Recorder(
            optimizer,
            kwargs["model"],
            self._path or Path(args.output_dir or ".") / "record.jsonl",
            **self._settings,
        )
        if state.global_step:
            self._recorder.load_state_dict({"step": state.global_step, "average_steps": 0, "average": []})

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Close the record."""
        self._close()

    def _close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None
