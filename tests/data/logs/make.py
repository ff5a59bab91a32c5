"""Writes each log format with its owner's own package: `python make.py FORMAT FOLDER`, or all formats into
here.

What is logged is known (`truth`), so that the tests can compare every point. The files beside this script
came from it (databases as SQL, of the tables that hold the measurements, since the owners' whole schemas are
long), and are there for those who do not have the packages. Kept small on purpose.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS = 40
EVERY = 5  # steps between validations
RATE = 0.05
WITH_NAN = 13  # the step at which the training loss is not a number
HERE = Path(__file__).parent


def train_loss(step: int) -> float:
    return math.nan if step == WITH_NAN else 2.0 / (1.0 + 0.1 * step) + 0.0625 * math.sin(step)


def val_loss(step: int) -> float:
    return 2.25 / (1.0 + 0.1 * step)


def tensorboard(folder: Path) -> None:
    """Two starts, the second from step 20 again; a scalar of each kind, and pictures' and texts' kin
    between."""
    from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for start, (first, shift) in enumerate(((0, 1.0), (20, 0.0))):
        writer = EventFileWriter(str(folder), filename_suffix=f".{start}")
        for step in range(first, STEPS):
            values = [
                summary_pb2.Summary.Value(
                    tag="train/loss", simple_value=train_loss(step) + shift * (step >= 20)
                )
            ]
            if step % EVERY == 0:
                tensor = tensor_pb2.TensorProto(dtype=1, float_val=[val_loss(step)])
                values.append(summary_pb2.Summary.Value(tag="val/loss", tensor=tensor))
                wide = tensor_pb2.TensorProto(dtype=1, float_val=[1.0, 2.0])
                values.append(summary_pb2.Summary.Value(tag="histogram", tensor=wide))
            for value in values:
                writer.add_event(
                    event_pb2.Event(
                        wall_time=1.7e9 + step, step=step, summary=summary_pb2.Summary(value=[value])
                    )
                )
            lr = summary_pb2.Summary.Value(tag="lr", simple_value=RATE)
            writer.add_event(
                event_pb2.Event(wall_time=1.7e9, step=step, summary=summary_pb2.Summary(value=[lr]))
            )
        writer.close()
        (made,) = (f for f in folder.iterdir() if f.name.endswith(f".{start}"))
        made.rename(folder / f"events.out.tfevents.{1_700_000_000 + start}.host")


def wandb(folder: Path) -> None:
    import wandb

    with tempfile.TemporaryDirectory() as scratch:
        settings = wandb.Settings(
            x_disable_meta=True, x_disable_stats=True, console="off", disable_git=True, save_code=False,
            host="host", program="train.py", program_abspath="train.py", silent=True,
        )  # fmt: skip
        run = wandb.init(
            project="p", name="a run", config={"lr": RATE}, mode="offline", dir=scratch, settings=settings
        )
        for step in range(STEPS):
            row: dict[str, object] = {"loss": train_loss(step)}
            if step % EVERY == 0:
                row["val"] = {"loss": val_loss(step)}
                row["weights"] = wandb.Histogram([1, 2, 3])
            run.log(row)
        run.finish()
        wandb.teardown()  # its own process writes the file, and may not have done so yet when `finish` returns
        (made,) = Path(scratch).glob("wandb/offline-*/*.wandb")
        shutil.copy(made, folder / "run-abc.wandb")


def mlflow(folder: Path) -> None:
    """As a database and as folders."""
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    import mlflow

    os.environ["LOGNAME"] = "user"
    for uri in (f"sqlite:///{folder}/mlflow.db", f"file://{folder}/mlruns"):
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment("an experiment")
        with mlflow.start_run(run_name="a run"):
            mlflow.log_param("learning_rate", RATE)
            for step in range(STEPS):
                mlflow.log_metric("train/loss", train_loss(step), step=step)
                if step % EVERY == 0:
                    mlflow.log_metric("val_loss", val_loss(step), step=step)
            mlflow.log_metric("diverged", math.inf, step=1)


def trackio(folder: Path) -> None:
    os.environ.update(TRACKIO_DIR=str(folder), HF_HUB_OFFLINE="1")
    import trackio

    trackio.init(project="p", name="a run", config={"lr": RATE}, auto_log_gpu=False)
    for step in range(STEPS):
        row: dict[str, object] = {"loss": train_loss(step)}
        if step % EVERY == 0:
            row["val"] = {"loss": val_loss(step)}
        trackio.log(row)
    trackio.finish()


def optuna(folder: Path) -> None:
    """A study of three trials, in a database and in a journal."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("lr", RATE, RATE)
        for step in range(STEPS):
            value = math.inf if step == STEPS - 1 else train_loss(step) + trial.number
            trial.report(value, step)
        return 1.0

    for storage in (
        f"sqlite:///{folder}/optuna.db",
        JournalStorage(JournalFileBackend(f"{folder}/journal.log")),
    ):
        optuna.create_study(storage=storage, study_name="a study").optimize(objective, n_trials=3)


def _model():  # type: ignore[no-untyped-def]
    import torch

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor([1.0]))

        def forward(self, x=None, labels=None):  # type: ignore[no-untyped-def]
            return {"loss": ((self.weight * x - labels) ** 2).mean(), "logits": self.weight * x}

    return Model()


def trainer_state(folder: Path) -> None:
    """What is logged is the Trainer's own; the truth is what it held in memory (`truth`)."""
    import torch
    from transformers import Trainer, TrainingArguments

    torch.manual_seed(0)
    data = [{"x": torch.tensor([float(k % 7)]), "labels": torch.tensor([2.0])} for k in range(80)]
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            scratch, per_device_train_batch_size=8, num_train_epochs=3, logging_steps=2, save_steps=10,
            eval_strategy="steps", eval_steps=5, learning_rate=RATE, report_to=[],
            use_cpu=True, disable_tqdm=True,
        )  # fmt: skip
        trainer = Trainer(model=_model(), args=arguments, train_dataset=data, eval_dataset=data[:16])
        trainer.train()
        for checkpoint in Path(scratch).glob("checkpoint-*"):
            (folder / checkpoint.name).mkdir()
            shutil.copy(checkpoint / "trainer_state.json", folder / checkpoint.name)
        (folder / "truth").write_text(json.dumps(trainer.state.log_history))


def lightning(folder: Path) -> None:
    import lightning
    import torch
    from lightning.pytorch.callbacks import LearningRateMonitor
    from lightning.pytorch.loggers import CSVLogger

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor([1.0]))

        def training_step(self, batch, index):  # type: ignore[no-untyped-def]
            self.log("train_loss", torch.tensor(train_loss(self.global_step), dtype=torch.float64))
            return (self.weight * batch).mean() * 0.0

        def validation_step(self, batch, index):  # type: ignore[no-untyped-def]
            self.log("val_loss", torch.tensor(val_loss(self.global_step), dtype=torch.float64))

        def configure_optimizers(self):  # type: ignore[no-untyped-def]
            return torch.optim.SGD(self.parameters(), lr=RATE)

    loader = torch.utils.data.DataLoader(torch.ones(EVERY, 1))
    with tempfile.TemporaryDirectory() as scratch:
        trainer = lightning.Trainer(
            max_epochs=STEPS // EVERY, logger=CSVLogger(scratch), log_every_n_steps=1, accelerator="cpu",
            enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
            enable_checkpointing=False, callbacks=[LearningRateMonitor("step")],
        )  # fmt: skip
        trainer.fit(Module(), loader, loader)
        (made,) = Path(scratch).glob("**/metrics.csv")
        shutil.copy(made, folder / "lightning.csv")


def keras(folder: Path) -> None:
    """The truth is the History that fit() gave back (`truth`)."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.linspace(0, 1, 64)[:, None]
    logger = keras.callbacks.CSVLogger(str(folder / "keras.csv"))
    history = model.fit(x, x * 2, epochs=6, validation_split=0.25, verbose=0, callbacks=[logger])
    (folder / "truth").write_text(json.dumps(history.history))


FORMATS = {
    f.__name__: f for f in (tensorboard, wandb, mlflow, trackio, optuna, trainer_state, lightning, keras)
}
_TABLES = {
    "mlflow.db": ("experiments", "runs", "metrics", "params"),
    "p.db": ("metrics", "configs"),
    "optuna.db": ("studies", "trials", "trial_params", "trial_intermediate_values"),
}


def as_sql(database: Path, text: Path) -> None:
    """The tables that matter, as the SQL that makes them."""
    with sqlite3.connect(database) as connection:
        wanted = [f'"{t}"' for t in _TABLES[database.name]]
        lines = []
        for line in connection.iterdump():
            head = (
                line.split("(")[0]
                .replace("CREATE TABLE ", "")
                .replace("INSERT INTO ", "")
                .split(" VALUES")[0]
            )
            if head.strip() in wanted or head.strip().strip('"') in _TABLES[database.name]:
                lines.append(line)
    text.write_text("\n".join(lines).replace(str(database.parent), "") + "\n")


def main() -> None:
    if len(sys.argv) == 3:
        FORMATS[sys.argv[1]](Path(sys.argv[2]))
        return
    for name in FORMATS:
        target = HERE / name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            subprocess.run([sys.executable, __file__, name, scratch], check=True, cwd=scratch)
            for database in folder.glob("*.db"):
                as_sql(database, target / f"{database.stem}.sql")
            for file in sorted(folder.rglob("*")):
                kept = (
                    file.is_file() and not file.name.startswith("mlflow.db") and "artifacts" not in file.parts
                )
                if (
                    kept
                    and not file.name.endswith((".db", ".lock", ".db-wal", ".db-shm"))
                    and "tags" not in file.parts
                ):
                    place = target / file.relative_to(folder)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, place)
                    if file.name == "meta.yaml":
                        place.write_text(file.read_text().replace(str(folder), ""))


if __name__ == "__main__":
    main()
