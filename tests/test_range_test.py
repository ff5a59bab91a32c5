"""A ramp that somebody's finder ran, read by every rule."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest

import lrscope
from lrscope.cli.main import run
from lrscope.search.range_test.rules import RULES

LR = np.geomspace(1e-5, 10.0, 100)


def losses(seed):
    return 2 - 1.5 / (1 + 0.05 / LR) + LR**3 + 0.05 * np.random.default_rng(seed).standard_normal(LR.size)


def history(seed, stop=100):
    return {"lr": LR[:stop].tolist(), "loss": losses(seed)[:stop].tolist()}


@pytest.mark.parametrize(
    "source",
    [
        history(0),
        SimpleNamespace(history=history(0)),  # torch-lr-finder
        SimpleNamespace(results=history(0)),  # Lightning
        SimpleNamespace(losses=losses(0).tolist(), lrs=LR.tolist()),  # fastai's recorder
        SimpleNamespace(recorder=SimpleNamespace(losses=losses(0).tolist(), lrs=LR.tolist())),  # its learner
    ],
)
def test_every_finders_history_is_read(source):
    """The same ramp gives the same readings, whoever kept it."""
    found = lrscope.read_range_test(source)
    assert [one.rule for one in found.readings] == list(RULES)
    assert found.readings == lrscope.read_range_test(history(0)).readings
    assert 0.005 < found.readings[1].lr.value < 0.2


def test_several_histories_are_one_answer_with_a_spread():
    """Ramps that stopped early, as finders do when the loss blows up, are read with the others."""
    found = lrscope.read_range_test([history(0), history(1, stop=95), history(2)])
    assert len(found.ramps) == 3
    assert len(found.readings[0].alone) == 3
    assert "Only one ramp" not in str(found)
    assert "Only one ramp" in str(lrscope.read_range_test(history(0)))


def test_smoothed_histories_are_told_of():
    """torch-lr-finder keeps smoothed losses only; intervals from them are too narrow."""
    assert any(
        "smoothed" in text for text in lrscope.read_range_test(SimpleNamespace(history=history(0))).warnings
    )


def test_a_linear_ramp_is_read_in_decades():
    """What was sampled evenly in the rate is put on a log grid."""
    lr = np.linspace(1e-4, 1.0, 300)
    loss = 2 - 1.5 / (1 + 0.05 / lr) + 30 * np.maximum(lr - 0.5, 0)
    assert lrscope.read_range_test({"lr": lr, "loss": loss}).readings[1].lr.value == pytest.approx(
        0.05, rel=0.3
    )


@pytest.mark.parametrize(
    "source",
    [
        {"lr": [0.1] * 50, "loss": list(range(50))},
        {"loss": list(range(50))},
        {"lr": LR[:5], "loss": losses(0)[:5]},
    ],
)
def test_what_is_no_ramp_is_refused(source):
    """With what a ramp is."""
    with pytest.raises(lrscope.UsageError, match="No ramp was found"):
        lrscope.read_range_test(source)


def test_ramps_through_other_rates_are_not_mixed():
    """They would be averaged at different rates."""
    with pytest.raises(lrscope.UsageError, match="different rates"):
        lrscope.read_range_test([history(0), {"lr": 3 * LR, "loss": losses(1)}])


def test_the_command_reads_logs(tmp_path, capsys):
    """As text, and as one JSON document whose keys are documented."""
    paths = []
    for seed in range(2):
        path = tmp_path / f"ramp-{seed}.csv"
        with path.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["step", "lr", "loss"])
            table.writerows(zip(range(1, 101), LR, losses(seed), strict=True))
        paths.append(str(path))
    assert run(["range-test", *paths]) == 0
    assert all(name in capsys.readouterr().out for name in ["minimum / 10"])
    assert run(["range-test", *paths, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["ramps"]) == ("lrscope.range-test/1", 2)
    assert set(document["rules"][0]) == {"rule", "lr", "low", "high", "level", "alone"}
