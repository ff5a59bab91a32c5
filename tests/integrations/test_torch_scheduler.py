"""GapScheduler in real training runs: what it does, what it leaves alone, and what a resumed run repeats."""

from __future__ import annotations

import copy
import io
import json
import math
import warnings

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `torch`")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

import lrscope  # noqa: E402
from lrscope.control import Action, Gap, Guarded  # noqa: E402
from lrscope.errors import UsageError  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]


def network(dropout=0.0, norm=False):
    parts = [nn.Linear(6, 12)]
    if norm:
        parts.append(nn.BatchNorm1d(12))
    return nn.Sequential(*parts, nn.ReLU(), nn.Dropout(dropout), nn.Linear(12, 3))


def batches(count, seed=1, noise=0.5):
    """Which of three numbers is the largest, with noise on the answer."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        x = torch.randn(16, 6, generator=generator)
        found.append((x, (x[:, :3] + noise * torch.randn(16, 3, generator=generator)).argmax(dim=1)))
    return found


def loss_on(model, data):
    training = model.training
    model.eval()
    with torch.no_grad():
        value = sum(functional.cross_entropy(model(x), y).item() for x, y in data) / len(data)
    model.train(training)
    return value


WAYS = ["captured", "given", "closure", "held out"]


def make(way, model, optimizer, noise=0.5, **options):
    loss_fn = nn.CrossEntropyLoss()
    options.setdefault("warmup", 8)
    if way == "captured":
        return lrscope.torch.GapScheduler(optimizer, model, loss_fn, **options), loss_fn
    if way == "held out":
        return lrscope.torch.GapScheduler(
            optimizer, model, functional.cross_entropy, held_out=batches(40, seed=9, noise=noise), **options
        ), loss_fn
    return lrscope.torch.GapScheduler(optimizer, model, **options), loss_fn


def one_step(way, scheduler, loss_fn, model, optimizer, x, y):
    optimizer.zero_grad()
    if way == "given":
        loss = scheduler.loss(lambda: functional.cross_entropy(model(x), y))
    else:
        loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    closure = (lambda: functional.cross_entropy(model(x), y)) if way == "closure" else None
    return scheduler.step(loss, closure)


def train(way, steps, lr=0.02, model=None, optimizer=None, data=None, **options):
    model = model or network()
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr)
    scheduler, loss_fn = make(way, model, optimizer, **options)
    rates = []
    for x, y in data or batches(steps):
        one_step(way, scheduler, loss_fn, model, optimizer, x, y)
        rates.append(scheduler.lr)
    return scheduler, model, rates


@pytest.mark.parametrize("way", WAYS)
def test_a_rate_ten_times_too_low_is_raised(way):
    """Each way to a gap, the closure on the very batch that was just stepped on included, finds that faster is
    better, and the averaged weights end up better than a constant rate's."""
    start = network()
    scheduler, _, _ = train(way, 400, 0.02, copy.deepcopy(start))
    constant = copy.deepcopy(start)
    optimizer = torch.optim.SGD(constant.parameters(), 0.02)
    for x, y in batches(400):
        optimizer.zero_grad()
        functional.cross_entropy(constant(x), y).backward()
        optimizer.step()
    test = batches(50, seed=5)
    assert scheduler.lr > 0.04
    assert Action.RAISE in {d.action for d in scheduler.decisions}
    with scheduler.averaged() as averaged:
        assert loss_on(averaged, test) < loss_on(constant, test) - 0.02


@pytest.mark.parametrize("way", WAYS)
def test_a_rate_too_high_is_lowered(way):
    """With much noise in the data and a high rate the average is the better point: the rate goes down."""
    scheduler, _, _ = train(way, 600, 1.0, data=batches(600, noise=2.0), noise=2.0)
    assert scheduler.lr < 0.8


def test_a_closure_on_the_batch_just_stepped_on_does_not_turn_the_answer_around():
    """Gaps by a closure on this step's batch equal those taken on it before the step, to rounding."""
    found = {}
    for way in ("captured", "closure"):
        torch.manual_seed(0)
        seen = []
        control = Guarded(Spy(seen), warmup=0)
        train(way, 200, 0.5, control=control)
        found[way] = seen
    assert len(found["captured"]) > 20
    assert found["closure"] == pytest.approx(found["captured"], abs=1e-5)


class Spy(Gap):
    """Looks, and changes nothing."""

    def __init__(self, seen):
        super().__init__()
        object.__setattr__(self, "seen", seen)

    def update(self, state, step, loss, *, gap=None):
        if gap is not None:
            self.seen.append(gap)
        return state, None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["plain", "dropout", "norm"])
def test_training_does_not_notice_the_measurement(way, kind):
    """With a controller that changes nothing, weights, BatchNorm statistics and random numbers after 80 steps
    are those of a run without a scheduler, bit for bit."""
    settings = {"plain": {}, "dropout": {"dropout": 0.3}, "norm": {"norm": True}}[kind]
    ends = []
    for watched in (False, True):
        torch.manual_seed(3)
        model = network(**settings)
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
        scheduler, loss_fn = make(way, model, optimizer, control=Guarded(Spy(seen := []), warmup=0))
        if not watched:
            scheduler.close()
        for x, y in batches(80):
            if watched:
                one_step(way, scheduler, loss_fn, model, optimizer, x, y)
            else:
                optimizer.zero_grad()
                loss_fn(model(x), y).backward()
                optimizer.step()
        ends.append((copy.deepcopy(model.state_dict()), torch.rand(1)))
    assert len(seen) > 10
    assert ends[0][1] == ends[1][1]
    for name, value in ends[0][0].items():
        assert torch.equal(value, ends[1][0][name]), name


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_killed_at_any_step_and_resumed_it_gives_the_same_rates(way, kind):
    """Saved after every single step of a run that warms up, raises, is rolled back and cools down, through a
    file, and resumed in fresh objects: every later rate, weight and decision is identical."""
    data = batches(120)
    data[40] = (data[40][0] * math.nan, data[40][1])  # one broken batch: a roll-back

    def fresh():
        torch.manual_seed(0)
        model = network()
        if kind == "sgd":
            optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.5)
        else:
            optimizer = torch.optim.Adam(model.parameters(), 0.002)
        return model, optimizer, *make(way, model, optimizer, every=4)

    def go(run, begin, end):
        model, optimizer, scheduler, loss_fn = run
        rates = []
        for step in range(begin, end):
            if step == 100:
                scheduler.finish(20)
            one_step(way, scheduler, loss_fn, model, optimizer, *data[step])
            rates.append(scheduler.get_last_lr()[0])
        return rates

    def saved(run):
        file = io.BytesIO()
        torch.save([part.state_dict() for part in run[:3]], file)
        return file.getvalue()

    whole = fresh()
    rates, states = [], [saved(whole)]
    for step in range(120):
        rates += go(whole, step, step + 1)
        states.append(saved(whole))
    kinds = {d.action for d in whole[2].decisions}
    assert Action.ROLL_BACK in kinds
    assert Action.RAISE in kinds
    for cut in range(0, 120):
        again = fresh()
        for part, state in zip(
            again[:3], torch.load(io.BytesIO(states[cut]), weights_only=False), strict=True
        ):
            part.load_state_dict(state)
        end = 120 if cut % 10 == 0 else min(cut + 6, 120)
        assert go(again, cut, end) == rates[cut:end], cut
        if end == 120:
            for a, b in zip(again[0].parameters(), whole[0].parameters(), strict=True):
                assert torch.equal(a, b)
            assert again[2].decisions == whole[2].decisions
            assert again[2].state_dict()["control"] == whole[2].state_dict()["control"]
        again[2].close()


def test_the_state_loads_without_unpickling_code():
    """`torch.load(weights_only=True)`, PyTorch's default, reads a saved state."""
    scheduler, _, _ = train("captured", 40)
    file = io.BytesIO()
    torch.save(scheduler.state_dict(), file)
    file.seek(0)
    again, _, _ = train("captured", 1)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert again.lr == scheduler.lr


def test_weights_that_are_not_finite_never_enter_an_average():
    """A broken step is rolled back with the averages, which stay finite throughout."""
    data = batches(200)
    data[90] = (data[90][0] * math.inf, data[90][1])
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    scheduler, loss_fn = make("captured", model, optimizer)
    for x, y in data:
        one_step("captured", scheduler, loss_fn, model, optimizer, x, y)
        with scheduler.averaged() as averaged:
            assert all(torch.isfinite(p).all() for p in averaged.parameters())
    assert [d.step for d in scheduler.decisions if d.action is Action.ROLL_BACK] == [91]
    assert loss_on(model, batches(20, seed=5)) < 1.0


def test_accumulated_gradients_count_as_one_step():
    """Four calls for one step of the optimiser: rates as with one call whose loss is their mean."""
    ends = []
    for parts in (1, 4):
        torch.manual_seed(0)
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), 0.05)
        scheduler = lrscope.torch.GapScheduler(
            optimizer, model, functional.cross_entropy, held_out=batches(5, seed=9), warmup=8
        )
        rates = []
        for x, y in batches(150):
            optimizer.zero_grad()
            losses = [
                functional.cross_entropy(model(a), b)
                for a, b in zip(x.chunk(parts), y.chunk(parts), strict=True)
            ]
            for number, loss in enumerate(losses):
                (loss / parts).backward()
                if number == parts - 1:
                    optimizer.step()
                scheduler.step(loss)
            rates.append(scheduler.lr)
        assert scheduler.step_count == 150
        ends.append(rates)
    assert ends[1] == pytest.approx(ends[0], rel=1e-6)
    assert ends[0][-1] > 0.05


def test_steps_that_mixed_precision_skips_do_not_count():
    """A GradScaler that meets an overflow skips the step: the scheduler's count and rate stay."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    scheduler, loss_fn = make("captured", model, optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    made = 0
    for number, (x, y) in enumerate(batches(60)):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        scaler.scale(loss).backward()
        if number in (20, 30):
            model[0].weight.grad[0, 0] = math.inf
        before = model[0].weight.detach().clone()
        scaler.step(optimizer)
        scaler.update()
        scheduler.step(loss)
        made += not torch.equal(before, model[0].weight)
    assert made == 58
    assert scheduler.step_count == 58
    assert not any(d.action is Action.ROLL_BACK for d in scheduler.decisions)


def test_groups_keep_their_proportions():
    """Two groups, one at a tenth of the other's rate, are scaled together."""
    model = network()
    optimizer = torch.optim.SGD(
        [{"params": model[0].parameters(), "lr": 0.02}, {"params": model[3].parameters(), "lr": 0.002}],
        lr=0.02,
    )
    scheduler, _, _ = train("captured", 200, model=model, optimizer=optimizer)
    first, second = scheduler.get_last_lr()
    assert first != 0.02
    assert second == pytest.approx(first / 10)


def test_averaged_gives_back_what_it_took():
    """Inside, the averaged weights; afterwards weights, buffers and modes as they were, after an error too."""
    scheduler, model, _ = train("captured", 100, 0.5, network(norm=True))
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ZeroDivisionError), scheduler.averaged(x for x, _ in batches(20)):  # noqa: PT012
        inside = copy.deepcopy(model.state_dict())
        raise ZeroDivisionError
    assert not torch.equal(inside["0.weight"], before["0.weight"])
    assert not torch.equal(inside["1.running_mean"], before["1.running_mean"])
    for name, value in before.items():
        assert torch.equal(value, model.state_dict()[name]), name


@pytest.mark.parametrize("which", ["long", "short", "weights"])
def test_the_best_on_held_out_batches_is_evaluated(which):
    """Of both averages and the weights: whichever has the lowest held-out loss. Nothing else moves."""
    scheduler, model, _ = train("held out", 100, 0.05)
    monitor, averages = scheduler._monitor, scheduler._monitor.averages
    good = [w.detach().clone() for w in monitor.weights]
    bad = [w + torch.randn_like(w) for w in good]
    averages.long.values, averages.short.values = bad, bad
    if which == "weights":
        expected = good
    else:
        expected = getattr(averages, which).values = good
        with torch.no_grad():
            for w, b in zip(monitor.weights, bad, strict=True):
                w.copy_(b)
    position, random = monitor.held_out.position, torch.get_rng_state()
    with scheduler.averaged():
        assert all(torch.equal(w, e) for w, e in zip(monitor.weights, expected, strict=True))
    assert (monitor.held_out.position, model.training) == (position, True)
    assert torch.equal(torch.get_rng_state(), random)


def test_stale_statistics_are_warned_of():
    """BatchNorm's running statistics belong to other weights: `averaged()` without a loader says so."""
    scheduler, _, _ = train("captured", 40, 0.5, network(norm=True))
    with pytest.warns(RuntimeWarning, match="BatchNorm"), scheduler.averaged():
        pass


def go_on_without_a_gap(scheduler, model, optimizer):
    for x, y in batches(200):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step(loss)


def test_making_a_scheduler_draws_no_random_number():
    """A loader of held-out batches that shuffles is not begun before the first gap is measured."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loader = torch.utils.data.DataLoader(torch.arange(8), shuffle=True)
    before = torch.get_rng_state()
    lrscope.torch.GapScheduler(optimizer, model, functional.cross_entropy, held_out=loader)
    assert torch.equal(torch.get_rng_state(), before)


def test_no_way_to_a_gap_is_said():
    """`step(loss)` alone, with a loss computed by a function: after a while it says what is missing."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    scheduler = lrscope.torch.GapScheduler(optimizer, model, warmup=0)
    with pytest.warns(RuntimeWarning, match="no way to measure the gap"):
        go_on_without_a_gap(scheduler, model, optimizer)


def test_misuse_is_named():
    """A rate of zero, held-out batches without a loss, an iterator that ends, a step without a loss."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(UsageError, match="above zero"):
        lrscope.torch.GapScheduler(torch.optim.SGD(model.parameters(), 0.0), model)
    with pytest.raises(UsageError, match="held_out needs"):
        lrscope.torch.GapScheduler(optimizer, model, held_out=batches(2))
    with pytest.raises(UsageError, match="iterator"):
        lrscope.torch.GapScheduler(optimizer, model, functional.cross_entropy, held_out=iter(batches(2)))
    scheduler = lrscope.torch.GapScheduler(optimizer, model)
    optimizer.step()
    with pytest.raises(UsageError, match=r"scheduler\.step\(loss\)"):
        scheduler.step()


def test_a_controlled_run_leaves_a_record_that_diagnose_reads(tmp_path):
    """Loss, rate and gap at each step and decisions with reasons, in the recorder's format."""
    path = tmp_path / "record.jsonl"
    scheduler, _, rates = train("captured", 300, record=path)
    scheduler.close()
    header, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert header["schema"] == "lrscope.record/1"
    assert [line["step"] for line in lines] == list(range(1, 301))
    assert [line["lr"] for line in lines[1:]] == rates[:-1]
    assert sum("gap" in line for line in lines) > 30
    assert [line["step"] for line in lines if "decision" in line] == [d.step for d in scheduler.decisions]
    assert lrscope.diagnose(path).regime is not None


@pytest.mark.slow
def test_a_compiled_model_gives_the_same_rates():
    """torch.compile changes how the model is computed, not what the scheduler decides."""
    ends = []
    for compiled in (False, True):
        torch.manual_seed(0)
        inner = network()
        optimizer = torch.optim.SGD(inner.parameters(), 0.02)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = torch.compile(inner, backend="eager") if compiled else inner
            _, _, rates = train("captured", 150, model=model, optimizer=optimizer)
        ends.append(rates)
    assert ends[1] == pytest.approx(ends[0], rel=1e-5)
    assert ends[0][-1] > 0.02


def test_a_state_in_memory_stays_as_it_was():
    """A state that was taken or loaded is not written over by later snapshots, nor one kept snapshot by the other."""
    scheduler, model, _ = train("captured", 20)
    optimizer = scheduler.optimizer
    state = scheduler.state_dict()
    before = copy.deepcopy(state)
    scheduler.load_state_dict(state)
    loss_fn = nn.CrossEntropyLoss()
    kept = []
    for x, y in batches(260, seed=4):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step(loss)
        newest, proven = scheduler._delegate.newest, scheduler._delegate.proven
        if newest is not proven:
            kept.append([part.parts["weights"][0].clone() for part in (newest, proven)])
    assert any(not torch.equal(newest, proven) for newest, proven in kept)
    for name in ("newest", "proven"):
        for a, b in zip(state[name]["weights"], before[name]["weights"], strict=True):
            assert torch.equal(a, b)
    first = before["proven"]["weights"][0]
    assert torch.equal(kept[0][1], first)  # the start is what is gone back to until a later one is proven
    assert any(torch.equal(proven, first) and not torch.equal(newest, first) for newest, proven in kept)
