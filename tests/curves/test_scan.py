"""Scans as lines through what was run."""

from __future__ import annotations

from lrscope.config import Config, at_rate
from lrscope.curves import Plan, Run, Scan


def test_a_line_holds_the_runs_that_differ_in_one_hyperparameter_alone():
    """Its plan gives the others to every run that is asked for along it."""
    runs = [
        Run(Config(lr=lr, batch_size=size, optimiser=name), 0)
        for lr in (0.1, 0.2)
        for size in (32, 64)
        for name in ("adam", "sgd")
    ]
    scan = Scan(Plan((0.1, 0.2)), tuple(sorted(runs, key=lambda run: run.key)))
    line = scan.along("lr", at={"batch_size": 64, "optimiser": "sgd"})
    assert [run.lr for run in line.runs] == [0.1, 0.2]
    assert {run.config["batch_size"] for run in line.runs} == {64}
    assert line.run(line.plan.key(0.2, 0)) is line.runs[1]
    across = scan.along("batch_size", at={"lr": 0.1, "optimiser": "adam"})
    assert [run.config["batch_size"] for run in across.runs] == [32, 64]


def test_a_run_outside_the_line_is_not_on_it():
    """Not even one with the same rate and fewer hyperparameters."""
    scan = Scan(Plan((0.1,)), (Run(Config(lr=0.1), 0), Run(Config(lr=0.1, dropout=0.5), 0)))
    assert [run.key for run in scan.along("lr", at={}).runs] == [at_rate(0.1)]
