"""Real training with Keras, for `test_keras_control`, which reads what this prints: `keras_runs.py FOLDER`.

The backend is chosen by KERAS_BACKEND, once for a process; so this is a program of its own.
"""

import contextlib
import inspect
import json
import sys
import traceback
from pathlib import Path

import keras
import numpy as np

import lrscope
from lrscope.testing.scheduler_suite import GapSchedulerSuite, PlateauSchedulerSuite, Trained

RNG = np.random.default_rng(0)
X = RNG.normal(size=(960, 8)).astype("float32")
Y = (np.tanh(X @ RNG.normal(size=(8, 1))) + 0.4 * RNG.normal(size=(960, 1))).astype("float32")
TRAIN, SPARE, TEST = slice(0, 640), slice(640, 800), slice(800, 960)


def model(lr: float, plain: bool = True, **settings) -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1)]
    if not plain:
        layers[1:1] = [keras.layers.BatchNormalization(), keras.layers.Dropout(0.1)]
    net = keras.Sequential([keras.Input((8,)), *layers])
    optimizer = keras.optimizers.SGD(lr, momentum=0.5, **settings)
    net.compile(optimizer=optimizer, loss="mse", metrics=["mae"])
    return net


def fit(net: keras.Model, epochs: int, callbacks: list, start: int = 0, **settings) -> dict:
    """Batches in a fixed order, so that a resumed run sees what an unbroken one does."""
    return net.fit(
        X[TRAIN], Y[TRAIN], batch_size=16, epochs=epochs, initial_epoch=start, shuffle=False, verbose=0,
        callbacks=callbacks, **settings,
    ).history  # fmt: skip


def flat(net: keras.Model) -> list[float]:
    return np.concatenate([np.ravel(w) for w in net.get_weights()]).astype(float).tolist()


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()][1:]


class Stop(keras.callbacks.Callback):
    """Breaks training off after an epoch, as a kill would."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epoch:
            raise KeyboardInterrupt


def recovers(folder: Path) -> dict:
    """A start that is far too low, and one far too high, against the same constant rates."""
    out = {}
    for name, lr in (("low", 1e-3), ("high", 1.0)):
        net = model(lr)
        fit(net, 15, [])
        out[f"{name} constant"] = net.evaluate(X[TEST], Y[TEST], verbose=0)[0]
        net = model(lr)
        scheduler = lrscope.keras.GapScheduler((X[SPARE], Y[SPARE]), batch_size=32)
        fit(net, 15, [scheduler])
        weights = flat(net)
        with scheduler.averaged() as averaged:
            out[name] = averaged.evaluate(X[TEST], Y[TEST], verbose=0)[0]
            out["averaged differ"] = flat(net) != weights
        out["put back"] = flat(net) == weights
        out[f"{name} actions"] = sorted({str(d.action) for d in scheduler.decisions})
    return out


def records(folder: Path) -> dict:
    """Each step's loss and rate; what Keras reports is as without the callback."""
    path = folder / "record.jsonl"
    net = model(0.01, plain=False)
    scheduler = lrscope.keras.GapScheduler((X[SPARE], Y[SPARE]), batch_size=32, record=path)
    history = fit(net, 3, [scheduler], validation_data=(X[TEST], Y[TEST]))
    rows = lines(path)
    return {
        "steps": [r["step"] for r in rows],
        "rates": [r["lr"] for r in rows],
        "gaps": sum("gap" in r for r in rows),
        "loss": [float(np.mean([r["loss"] for r in rows[40 * i : 40 * i + 40]])) for i in range(3)],
        "history": history["loss"],
        "diagnosed": str(lrscope.diagnose(path).diagnosis.regime),
    }


def observes_only(folder: Path) -> dict:
    """With a controller that never acts, training is as without the callback."""
    from lrscope.control import Gap, Guard, Guarded

    out = {}
    for name in ("with", "without"):
        net = model(0.02)
        idle = Guarded(Gap(t=1e9), Guard(bad_steps=10**9), warmup=0)
        callbacks = [lrscope.keras.GapScheduler((X[SPARE], Y[SPARE]), control=idle)]
        history = fit(net, 3, callbacks if name == "with" else [], validation_data=(X[TEST], Y[TEST]))
        out[name] = {"weights": flat(net), **history}
    return out


def resumes(folder: Path) -> dict:
    """Broken off after two epochs and begun again, with Keras's own backup of the model."""

    def callbacks(name: str) -> list:
        return [
            keras.callbacks.BackupAndRestore(folder / name, delete_checkpoint=False),
            lrscope.keras.GapScheduler(
                (X[SPARE], Y[SPARE]),
                batch_size=32,
                record=folder / f"{name}.jsonl",
                backup=folder / f"{name}.npz",
            ),
        ]

    whole = model(0.003)
    fit(whole, 4, callbacks("whole"))
    broken = model(0.003)
    with contextlib.suppress(KeyboardInterrupt):
        fit(broken, 4, [*callbacks("broken"), Stop(2)])
    kept = (folder / "broken.npz").exists()
    resumed = model(0.003)
    fit(resumed, 4, callbacks("broken"))
    return {
        "whole": [r["lr"] for r in lines(folder / "whole.jsonl")],
        "resumed": [r["lr"] for r in lines(folder / "broken.jsonl")],
        "weights": [flat(whole), flat(resumed)],
        "kept": kept,
        "removed": not (folder / "broken.npz").exists(),
    }


def rolls_back(folder: Path) -> dict:
    """A batch of NaN in the middle of training."""
    x = X[TRAIN].copy()
    x[16 * 30 : 16 * 31] = np.nan
    net = model(0.02)
    scheduler = lrscope.keras.GapScheduler((X[SPARE], Y[SPARE]), record=folder / "nan.jsonl")
    for epoch, data in enumerate((X[TRAIN], X[TRAIN], X[TRAIN], x, X[TRAIN])):
        net.fit(data, Y[TRAIN], batch_size=16, epochs=1, shuffle=False, verbose=0, callbacks=[scheduler])
        assert scheduler.step_count == 40 * (epoch + 1)
    backs = [d for d in scheduler.decisions if d.action == "roll_back"]
    row = lines(folder / "nan.jsonl")[150]
    return {
        "steps": [d.step for d in backs],
        "factor": [row["new_lr"] / row["lr"]],
        "finite": bool(np.isfinite(flat(net)).all()),
        "loss": net.evaluate(X[TEST], Y[TEST], verbose=0)[0],
    }


def accumulates(folder: Path) -> dict:
    """Four batches a step: steps count, not batches."""
    net = model(0.02, gradient_accumulation_steps=4)
    scheduler = lrscope.keras.GapScheduler((X[SPARE], Y[SPARE]))
    fit(net, 2, [scheduler])
    return {"steps": scheduler.step_count}


def plateau(folder: Path) -> dict:
    """`PlateauScheduler` on a loss below zero, and a validation with averaged weights beside it."""
    net = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    keras.utils.set_random_seed(1)
    net.compile(keras.optimizers.SGD(0.05), loss=lambda y, p: keras.ops.mean((y - p) ** 2) - 7.0)
    scheduler = lrscope.keras.PlateauScheduler("loss", backup=folder / "plateau.npz")
    history = fit(net, 25, [scheduler])
    scheduler.save(folder / "kept.npz")
    again = lrscope.keras.PlateauScheduler("loss")
    again.set_model(net)
    again.on_train_begin()
    again.load(folder / "kept.npz")
    net = model(0.02)
    gap = lrscope.keras.GapScheduler((X[SPARE], Y[SPARE]), averaged_validation=True)
    averaged = fit(net, 2, [gap], validation_data=(X[TEST], Y[TEST]))["val_loss"][-1]
    with gap.averaged():
        mine = net.evaluate(X[TEST], Y[TEST], verbose=0)[0]
    return {
        "rates": history["learning_rate"],
        "decisions": [d.reason for d in scheduler.decisions],
        "same": scheduler._delegate.to_json() == again._delegate.to_json()
        and scheduler.decisions == again.decisions,
        "val": [averaged, mine],
    }


def misuse(folder: Path) -> dict:
    """What is said of a schedule in the optimiser, an iterator, and a backup of another moment."""
    said = {}
    scheduled = model(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))
    net = model(0.1)
    done = lrscope.keras.GapScheduler((X[SPARE], Y[SPARE]))
    fit(net, 1, [done])
    done.save(folder / "state.npz")
    spare = (X[SPARE], Y[SPARE])
    for name, call in {
        "schedule": lambda: fit(scheduled, 1, [lrscope.keras.PlateauScheduler()]),
        "iterator": lambda: lrscope.keras.GapScheduler(iter([])),
        "moment": lambda: fit(
            model(0.1), 1, [lrscope.keras.GapScheduler(spare, backup=folder / "state.npz")]
        ),
        "another": lambda: fit(model(0.1), 1, [lrscope.keras.PlateauScheduler(backup=folder / "state.npz")]),
    }.items():
        try:
            call()
        except lrscope.UsageError as error:
            said[name] = str(error)
    return said


class Rates(keras.callbacks.Callback):
    """Keeps the optimiser's own rate at each step."""

    def on_train_begin(self, logs=None):
        self.found = []

    def on_train_batch_begin(self, batch, logs=None):
        self.found.append(rate_of(self.model))


def rate_of(net: keras.Model) -> float:
    return float(keras.ops.convert_to_numpy(net.optimizer.learning_rate))


class GapSuite(GapSchedulerSuite):
    """Epochs of 40 steps."""

    def make(self, **settings):
        return lrscope.keras.GapScheduler((X[SPARE], Y[SPARE]), batch_size=32, **settings)

    def train(self, scheduler, steps, *, folder, save=False, resume=False):
        folder.mkdir(exist_ok=True)
        rates = Rates()
        net = keras.models.load_model(folder / "kept.keras") if resume else model(0.003)
        if resume:
            scheduler.set_model(net)
            scheduler.on_train_begin()
            scheduler.load(folder / "kept.npz")
        callbacks = [scheduler, rates] if scheduler else [rates]
        fit(net, max(steps // 40, 1), callbacks, start=self.middle // 40 if resume else 0)
        if save:
            net.save(folder / "kept.keras")
            scheduler.save(folder / "kept.npz")
        names = {f"{i}.{a}" for i, layer in enumerate(net.layers) for a in vars(layer)} | set(vars(net))
        return Trained(rates.found, rate_of(net), flat(net), frozenset(names))


class PlateauSuite(PlateauSchedulerSuite):
    """The callback, called as Keras calls it."""

    def make(self, **settings):
        return lrscope.keras.PlateauScheduler("val_loss", **settings)

    def feed(self, scheduler, values, *, folder, save=False, resume=False):
        folder.mkdir(exist_ok=True)
        net = keras.models.load_model(folder / "kept.keras") if resume else model(1.0)
        scheduler.set_model(net)
        scheduler.on_train_begin()
        if resume:
            scheduler.load(folder / "kept.npz")
        rates = []
        for epoch, value in enumerate(values):
            scheduler.on_epoch_end(epoch, {"val_loss": value})
            rates.append(rate_of(net))
        if save:
            net.save(folder / "kept.keras")
            scheduler.save(folder / "kept.npz")
        return rates


def conforms(folder: Path) -> dict:
    """What each test of the suites that every host passes says here."""
    said = {}
    for suite in (GapSuite(), PlateauSuite()):
        for name in (name for name in dir(suite) if name.startswith("test_")):
            test = getattr(suite, name)
            place = folder / f"{type(suite).__name__}-{name}"
            place.mkdir()
            try:
                test(**({"tmp_path": place} if "tmp_path" in inspect.signature(test).parameters else {}))
                said[place.name] = "passed"
            except Exception:
                said[place.name] = traceback.format_exc()
    return said


if __name__ == "__main__":
    place = Path(sys.argv[1])
    cases = [recovers, records, observes_only, resumes, rolls_back, accumulates, plateau, misuse, conforms]
    found = {}
    for case in cases:
        (place / case.__name__).mkdir()
        found[case.__name__] = case(place / case.__name__)
    print(json.dumps({"backend": keras.backend.backend(), **found}))
