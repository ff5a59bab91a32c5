"""Guard, rule, warm-up and cool-down together, and the record of what they did."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import lrscope
from lrscope.control import Action, Gap, Guard, Guarded, Plateau, RecordWriter


def test_the_warm_up_is_geometric():
    """From a hundredth of the rate to the rate, by the same factor each step, and then it is over."""
    control = Guarded(Gap(), warmup=50)
    state = control.init(0.1)
    rates = [control.lr(state)]
    for step in range(1, 60):
        state, _ = control.update(state, step, 1.0)
        rates.append(control.lr(state))
    assert rates[0] == pytest.approx(0.001)
    assert rates[50:] == [pytest.approx(0.1)] * 10
    assert np.ptp(np.diff(np.log(rates[:51]))) < 1e-9


def test_divergence_on_the_way_up_starts_again_below_it():
    """A net that breaks at 0.3 of the rate is back at the start, and climbs to a third of where it broke."""
    control = Guarded(Gap(), warmup=50)
    state = control.init(1.0)
    rolled = None
    for step in range(1, 160):
        loss = 2.3 + 0.01 * math.sin(9 * step) + (5.0 if control.lr(state) > 0.3 else 0.0)
        state, decision = control.update(state, step, loss)
        if decision is not None and decision.action is Action.ROLL_BACK:
            assert rolled is None
            rolled = decision
    assert rolled is not None
    assert rolled.restore == "start"
    assert 0.1 < control.lr(state) < 0.3


def test_finish_comes_down_in_a_straight_line():
    """`finish(10)` takes a tenth off each step, and the rule is not asked any more."""
    control = Guarded(Gap(), warmup=0)
    state = control.init(1.0)
    for step in range(1, 101):
        state, _ = control.update(state, step, 1.0)
    state = control.finish(state, 10)
    rates = []
    for step in range(101, 113):
        assert not control.wants_gap(state, step)
        state, decision = control.update(state, step, 1.0, gap=-5.0)
        assert decision is None or decision.action is Action.COOL
        rates.append(control.lr(state))
    assert rates == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0, 0, 0], abs=1e-12)


def test_no_raise_beyond_the_ceiling():
    """After a roll-back from 1.0 the rule asks for more, and gets it only below 0.6, growing slowly."""
    control = Guarded(Gap(), Guard(), warmup=0)
    state = control.init(1.0)
    losses = [*[1.0] * 30, math.nan, *[1.0] * 200]
    rng = np.random.default_rng(0)
    for step, loss in enumerate(losses, 1):
        state, _ = control.update(state, step, loss, gap=-0.1 + 0.001 * rng.normal())
        if step > 31:
            assert control.lr(state) <= max(state.guard.ceiling, 0.33 + 1e-12)


def test_the_record_is_one_that_diagnose_reads(tmp_path):
    """One line a step, decisions with their reason and their numbers; `lrscope.diagnose` reads it."""
    rng = np.random.default_rng(0)
    control = Guarded(Plateau(patience=60), warmup=0)
    writer = RecordWriter(tmp_path / "record.jsonl", {"controller": "plateau"})
    state = control.init(0.1)
    decided = []
    for step in range(1, 401):
        lr, loss = control.lr(state), float(np.exp(-step / 20) + 0.01 * rng.normal())
        state, decision = control.update(state, step, loss)
        writer.write(step, loss, lr, decision=decision)
        decided += [decision] if decision else []
    writer.close()
    header, *lines = [json.loads(line) for line in (tmp_path / "record.jsonl").read_text().splitlines()]
    assert header["schema"] == "lrscope.record/1"
    told = [line for line in lines if "decision" in line]
    assert [(t["step"], t["new_lr"]) for t in told] == [(d.step, d.lr) for d in decided]
    assert told
    assert told[0]["reason"] == decided[0].reason
    assert told[0]["ev_level"] == decided[0].numbers["level"]
    assert lrscope.diagnose(tmp_path / "record.jsonl").regime is not None


def test_a_continued_record_goes_on(tmp_path):
    """Killed in the middle of a line and continued, the file keeps all whole lines and gains the new ones."""
    path = tmp_path / "record.jsonl"
    first = RecordWriter(path)
    first.write(1, 2.0, 0.1)
    first.close()
    with path.open("a") as file:
        file.write('{"step": 2, "lo')
    second = RecordWriter(path, continuing=True)
    second.write(2, 1.5, 0.1)
    second.close()
    lines = path.read_text().splitlines()
    assert json.loads(lines[-1]) == {"step": 2, "loss": 1.5, "lr": 0.1}
    assert len(lines) == 4


def test_a_roll_back_says_by_how_much_the_rate_changed():
    """Its factor is new rate over old, back at the start, where the warm-up begins again, as well as later."""
    control = Guarded(Gap(), Guard(keep_every=16), warmup=10)
    state, before = control.init(0.1), None
    found = []
    for step in range(1, 200):
        before = control.lr(state)
        state, decision = control.update(
            state, step, math.nan if step in (30, 150) else 2.0 + 0.01 * (step % 3)
        )
        if decision is not None and decision.action is Action.ROLL_BACK:
            assert decision.factor == pytest.approx(decision.lr / before)
            found.append(decision.restore)
        elif decision is None and control.wants_snapshot(state):
            state = control.took_snapshot(state)
    assert found == ["start", "snapshot"]
