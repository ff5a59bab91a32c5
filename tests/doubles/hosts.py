"""Runs of frameworks that own the training loop, with everything off that a test does not look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a record, without its header."""
    return [json.loads(line) for line in path.read_text().splitlines()][1:]


def fit_lightning(
    module: Any,
    folder: Path,
    callbacks: list[Any],
    steps: int,
    *loaders: Any,
    resume: Path | None = None,
    **settings: Any,
) -> Any:
    """Train a module for so many steps, from a checkpoint where one is named; gives the trainer."""
    import lightning.pytorch as pl

    trainer = pl.Trainer(
        max_steps=steps,
        callbacks=callbacks,
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        log_every_n_steps=1,
        **settings,
    )
    trainer.fit(module, *loaders, ckpt_path=resume)
    return trainer


def train_transformers(
    width: int, rows: list[Any], folder: Path, callbacks: list[Any], **settings: Any
) -> Any:
    """Train a GPT of 11 words by the Trainer; `resume` names a checkpoint, `evaluate` rows to evaluate on."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    torch.manual_seed(0)
    resume, evaluate = settings.pop("resume", None), settings.pop("evaluate", None)
    arguments = {
        "output_dir": str(folder),
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "learning_rate": 1e-2,
        "disable_tqdm": True,
        "use_cpu": True,
        **settings,
    }
    config = GPT2Config(vocab_size=11, n_positions=8, n_embd=width, n_layer=1, n_head=2)
    trainer = Trainer(
        model=GPT2LMHeadModel(config),
        args=TrainingArguments(**arguments),
        train_dataset=rows,
        eval_dataset=evaluate,
        callbacks=callbacks,
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer
