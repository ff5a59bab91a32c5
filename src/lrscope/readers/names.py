"""What columns and tags are called in the wild: which one counts steps, which is the learning rate, and so
on."""

from __future__ import annotations

import re
from collections.abc import Iterable

_STEPS = (
    ("global_step", "trainer/global_step", "train/global_step", "globalstep", "total_steps", "total_step"),
    ("step", "steps", "_step", "train_step", "training_step", "training_steps", "train/step", "trainer/step"),
    ("iteration", "iterations", "iter", "iters", "it", "n_iter", "niter", "num_iter", "train/iter", "itr"),
    ("update", "updates", "num_updates", "n_updates", "num_update", "optimizer_step", "optimiser_step"),
    ("batch", "batch_idx", "batch_index", "minibatch", "n_batch", "i", "t"),
    ("index", "", "unnamed: 0", "row"),
)
_STEP_RANK = {name: rank for rank, names in enumerate(_STEPS) for name in names}
_ROW_NAMES = frozenset(_STEPS[-1])
_EPOCH = re.compile(r"^(.*[/.])?(num_|n_|current_)?(epoch|epochs|ep)$")
_LR = re.compile(
    r"(?:^|[/_\-. ])(?:lr|lrs|learning[_\- ]?rate|learningrate)(?:$|[/_\-. :(]|\d)", re.IGNORECASE
)
_LR_OTHER = re.compile(r"ratio|factor|scale|mult|decay|min|max|end|final|initial|warm", re.IGNORECASE)
_RUN = frozenset(
    (
        "run",
        "run_id",
        "run_name",
        "run_uuid",
        "runid",
        "runname",
        "trial",
        "trial_id",
        "trial_number",
        "experiment",
        "exp",
        "exp_name",
    )
)
_SEED = frozenset(("seed", "random_seed", "rng_seed"))
_METRIC = frozenset(("metric", "metric_name", "key", "tag", "name", "variable", "series", "statistic"))
_VALUE = frozenset(("value", "metric_value", "y", "val"))


def _plain(name: str) -> str:
    return name.strip().strip("\"'").lower().replace(" ", "_") if name.strip() else ""


def step_rank(name: str) -> int | None:
    """How much like a step counter the name is (0 is most); None where it is not like one."""
    plain = _plain(name)
    return _STEP_RANK.get(plain, _STEP_RANK.get(plain.replace("_", " ")))


def is_row_number(name: str) -> bool:
    """Whether it is what pandas and its like call the rows' own numbers."""
    return _plain(name).replace("_", " ") in _ROW_NAMES


def is_epoch(name: str) -> bool:
    """Whether it counts epochs."""
    return bool(_EPOCH.match(_plain(name)))


def learning_rate(names: Iterable[str]) -> str | None:
    """The name that is the learning rate's; of several (parameter groups) the plainest one, None for none."""
    likely = [n for n in names if _LR.search(n) and not _LR_OTHER.search(n)]
    return min(likely, key=lambda n: (len(n), n), default=None)


def is_run(name: str) -> bool:
    """Whether it tells one run of a table from another."""
    return _plain(name) in _RUN


def is_seed(name: str) -> bool:
    """Whether it is a random seed."""
    return _plain(name) in _SEED


def is_metric_name(name: str) -> bool:
    """Whether the column may hold the metrics' names, in a table with one value a row."""
    return _plain(name) in _METRIC


def is_value(name: str) -> bool:
    """Whether the column may hold the values, in a table with one value a row."""
    return _plain(name) in _VALUE
