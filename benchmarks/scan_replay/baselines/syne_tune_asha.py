"""Syne Tune's ASHA (stopping form, one worker) with random proposals from the grid, asked after each epoch."""

from __future__ import annotations

import datetime
import logging
import math
from collections.abc import Sequence
from contextlib import suppress

from published import PublishedScan

from baselines.account import Account, Named, SpentError, names

PROPOSALS = 400


def syne_tune_asha(scan: PublishedScan, budgets: Sequence[float], seed: int) -> Named:
    """ASHA at its defaults: reduction factor 3, no run is stopped before its first epoch."""
    from syne_tune.backend.trial_status import Trial
    from syne_tune.config_space import randint
    from syne_tune.optimizer.baselines import ASHA
    from syne_tune.optimizer.scheduler import SchedulerDecision

    logging.getLogger("syne_tune").setLevel(logging.ERROR)
    account = Account(scan, max(budgets))
    scheduler = ASHA(
        {"rate": randint(0, len(scan.rates) - 1)},
        metric="loss",
        time_attr="epoch",
        max_t=account.epochs,
        random_seed=seed,
    )
    with suppress(SpentError):
        for number in range(PROPOSALS):
            suggestion = scheduler.suggest()
            if suggestion is None:
                break
            trial = Trial(number, suggestion.config, datetime.datetime.now())
            scheduler.on_trial_add(trial)
            lr = scan.rates[suggestion.config["rate"]]
            for epoch in range(1, account.epochs + 1):
                value = account.epoch(lr, epoch)
                told = {"loss": value if math.isfinite(value) else 10 * abs(scan.start), "epoch": epoch}
                if scheduler.on_trial_result(trial, told) != SchedulerDecision.CONTINUE:
                    break
                if not math.isfinite(value):
                    break
    return names(account, budgets)
