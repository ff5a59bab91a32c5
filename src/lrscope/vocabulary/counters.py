"""What counters of training are called, and the columns of a table that hold no metric."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from lrscope.vocabulary.kinds import Kind
from lrscope.vocabulary.terms import PHASES
from lrscope.vocabulary.words import plain_words, word_set


def _glued(text: str) -> dict[str, str]:
    return {name.strip().replace(" ", ""): name.strip() for name in text.replace("\n", " ").split(",")}


_EPOCHS = frozenset(_glued("epoch, epochs, ep, e, epoch num, epoch id, current epoch"))
_ITERATIONS = frozenset(
    _glued(
        """step, steps, iter, iters, iteration, iterations, it, itr, update, updates, global step, global steps,
        num updates, n updates, optimizer step, optimiser step, opt step, gstep, cur step, current step,
        current steps, current iteration, round, rounds, boosting round, tree, generation, gen, episode, episodes,
        timestep, timesteps, total timesteps, num timesteps, timesteps total, total steps, #, step num, trial,
        global iter, global iteration, num env steps sampled, num env steps trained, num env steps sampled lifetime,
        env steps, n iter, trainer global step, time total timesteps, time iterations, time episodes, episodes total,
        total env steps, agent steps, policy step, policy steps, frames, num frames, total frames, env frames"""
    )
)
_BATCHES = frozenset(
    _glued(
        """batch, batches, minibatch, mini batch, mb, batch idx, batch id, batch no, sample, samples, image,
        images, example, examples"""
    )
)
_SURE = frozenset(
    _glued(
        """global step, global steps, num updates, trainer global step, optimizer step, opt step, total timesteps,
        time total timesteps, timesteps total, gstep, num timesteps, global iter, global iteration"""
    )
)
_PLURAL = frozenset(
    _glued(
        """epochs, steps, iters, iterations, updates, batches, rounds, episodes, timesteps, samples, images,
        examples, total steps, frames"""
    )
)
_LAST = {
    **dict.fromkeys(("epoch",), Kind.EPOCH),
    **dict.fromkeys(("step", "iter", "iteration", "update"), Kind.ITERATION),
    **dict.fromkeys(("batch", "minibatch"), Kind.BATCH),
}
_BESIDE = word_set("global total current outer inner main optimizer optimization boosting trainer learning")

_STEP_COLUMNS = (  # the surest first
    _glued(
        """global step, trainer global step, total steps, total step, total timesteps, time total timesteps,
        num timesteps, timesteps total, timesteps, timestep, current steps, env steps, num env steps,
        total env steps, num env steps sampled, num env steps sampled lifetime, policy step, policy steps"""
    ),
    _glued("step, steps, training step, training steps, trainer step, current step, cur step"),
    _glued("frames, num frames, total frames, env frames, agent steps"),
    _glued("iteration, iterations, time iterations, iter, iters, it, n iter, niter, num iter, itr"),
    _glued("update, updates, num updates, n updates, num update, optimizer step, optimiser step"),
    _glued("batch, batch idx, batch index, minibatch, n batch, i, t"),
    _glued("index, unnamed 0, row"),
)
_STEP_RANKS = {name: rank for rank, names in enumerate(_STEP_COLUMNS) for name in names}
_ROWS = frozenset(("", *_STEP_COLUMNS[-1]))
_EPOCH_COLUMNS = frozenset(
    _glued("epoch, epochs, ep, num epoch, num epochs, n epoch, n epochs, current epoch, current epochs")
)
_RUNS = frozenset(
    _glued("run, run id, run name, run uuid, trial, trial id, trial number, experiment, exp, exp name")
)
_SEEDS = frozenset(_glued("seed, random seed, rng seed"))
_METRIC_COLUMNS = frozenset(_glued("metric, metric name, key, tag, name, variable, series, statistic"))
_VALUE_COLUMNS = frozenset(_glued("value, metric value, y, val"))


def counter_kind(words: tuple[str, ...]) -> Kind | None:
    """What a name of these words counts; None where it is no counter."""
    own = tuple(word for word in words if word not in PHASES or PHASES[word][0] != "train")
    name = "".join(own)
    if name in _EPOCHS:
        return Kind.EPOCH
    if name in _ITERATIONS:
        return Kind.ITERATION
    if name in _BATCHES:
        return Kind.BATCH
    if own and all(word in _BESIDE or word in PHASES for word in own[:-1]):
        return _LAST.get(own[-1])
    return None


def counts_training(words: tuple[str, ...]) -> bool:
    """Whether a name that is no counter itself speaks of one: ``best_epoch``, ``steps_left``."""
    return any(word in _LAST or word.removesuffix("s") in _LAST for word in words)


def never_restarts(name: str) -> bool:
    """Whether a counter of this name never starts again at a new epoch."""
    return _own(name) in _SURE or name.strip().lower() == "_step"


def may_be_setting(name: str) -> bool:
    """Whether a counter's name could as well be a setting ("epochs=10")."""
    return _own(name) in _PLURAL


def step_rank(name: str) -> int | None:
    """How much like a step counter a column's name is (0 is most); None where it is not like one."""
    if not name.strip():
        return len(_STEP_COLUMNS) - 1
    return _STEP_RANKS.get(_own(name))


def is_row_number(name: str) -> bool:
    """Whether it is what pandas and its like call the rows' own numbers."""
    return _own(name) in _ROWS


def is_epoch(name: str) -> bool:
    """Whether a column counts epochs, whatever folder its name is in."""
    return any(_own(part) in _EPOCH_COLUMNS for part in (name, *_last_part(name)))


def is_run(name: str) -> bool:
    """Whether a column tells one run of a table from another."""
    return _own(name) in _RUNS


def is_seed(name: str) -> bool:
    """Whether it is a random seed."""
    return _own(name) in _SEEDS


def holds_metric_names(name: str) -> bool:
    """Whether a column may hold the metrics' names, in a table with one value a row."""
    return "".join(plain_words(name)) in _METRIC_COLUMNS


def holds_values(name: str) -> bool:
    """Whether a column may hold the values, in a table with one value a row."""
    return "".join(plain_words(name)) in _VALUE_COLUMNS


@lru_cache(maxsize=4096)
def _own(name: str) -> str:
    """The words of a name in one, but for those that say it was measured in training."""
    words = plain_words(name.strip().strip("\"'"))
    return "".join(word for word in words if word not in PHASES or PHASES[word][0] != "train")


def _last_part(name: str) -> Iterable[str]:
    for sign in "/.":
        if sign in name:
            yield name.rpartition(sign)[2]
