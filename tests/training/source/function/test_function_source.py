"""Python functions as sources: the laws for every source, the three forms, and what is refused."""

from __future__ import annotations

import functools
import pickle
import threading
import time
from collections.abc import Iterator

import pytest
import trainings

from lrscope.config import Config
from lrscope.errors import SourceError, UsageError
from lrscope.testing import toys
from lrscope.testing.source_suite import FireAt, PausableSourceSuite, SourceSuite, to_the_end
from lrscope.training.source.base import Source, Status
from lrscope.training.source.function.reporting import Reporter, StopRun
from lrscope.training.source.function.source import FunctionSource


class TestGenerator(PausableSourceSuite):
    length = toys.QUADRATIC_STEPS

    def make_source(self) -> Source:
        return FunctionSource(toys.noisy_quadratic)


class TestGeneratorFromFile(PausableSourceSuite):
    length = toys.QUADRATIC_STEPS

    def make_source(self) -> Source:
        return FunctionSource(f"{toys.__file__}:noisy_quadratic")


class TestGeneratorWithGlobalRandomness(PausableSourceSuite):
    """Seeding and drawing from NumPy's global generator does not make runs disturb each other."""

    length = toys.QUADRATIC_STEPS

    def make_source(self) -> Source:
        return FunctionSource("trainings:with_global_randomness")


class TestCallback(PausableSourceSuite):
    length = toys.QUADRATIC_STEPS

    def make_source(self) -> Source:
        return FunctionSource(toys.noisy_quadratic_callback)


class TestPlain(SourceSuite):
    def make_source(self) -> Source:
        return FunctionSource(trainings.noisy_quadratic_plain)


def run_through(function, lr=0.1, seed=0, **more):
    run = FunctionSource(function, **more).start(Config(lr=lr), seed)
    points, last = to_the_end(run)
    run.close()
    return points, last


def gives(*values):
    def train(lr):
        yield from values

    return train


# ---- forms and parameters


def takes_both(lr, seed):
    yield lr + seed


def swapped(seed, learning_rate):
    yield learning_rate + seed


def by_position(x, s):
    yield x + s


def keyword_only(*, seed=0, width=2, lr):
    yield lr + seed


def with_default(lr, epochs=3):
    yield lr + 7


def positional_only(x, s, /):
    yield x + s


def rest(*numbers):
    yield numbers[0] + 7


def options(**settings):
    yield settings["lr"] + 7


class Trainer:
    def fit(self, lr, seed):
        yield lr + seed

    def __call__(self, lr, seed):
        yield lr + seed


@functools.wraps(takes_both)
def decorated(*args, **kwargs):
    return takes_both(*args, **kwargs)


def wide(lr, width, seed):
    yield lr + seed + width


@pytest.mark.parametrize(
    "function",
    [
        takes_both,
        swapped,
        by_position,
        keyword_only,
        with_default,
        positional_only,
        rest,
        options,
        Trainer().fit,
        Trainer(),
        decorated,
        functools.partial(wide, width=0),
        functools.partial(lambda width, lr, seed: iter([lr + seed]), 5),
        lambda lr, seed: lr + seed,
    ],
    ids=lambda f: getattr(f, "__name__", type(f).__name__),
)
def test_rate_and_seed_find_their_parameters(function):
    """By name where they have one, else by position, in every kind of callable."""
    points, last = run_through(function, lr=0.5, seed=7)
    assert points == [(1, "loss", 7.5)]
    assert last.status is Status.ENDED


@pytest.mark.parametrize(
    ("function", "takes"), [(takes_both, True), (with_default, False), (keyword_only, True)]
)
def test_whether_the_seed_is_taken_is_known(function, takes):
    """A function without a seed says so, since a second seed would only repeat it."""
    assert FunctionSource(function).takes_seed is takes


def hidden(lr):
    return takes_both(lr, 0)


def announced(lr) -> Iterator[float]:
    return takes_both(lr, 0)


def annotated(reporter: Reporter):
    reporter.report(reporter.lr)


@pytest.mark.parametrize(
    ("function", "form"),
    [
        (takes_both, "generator"),
        (Trainer().fit, "generator"),
        (Trainer(), "generator"),
        (functools.partial(wide, width=0), "generator"),
        (decorated, "generator"),
        (announced, "generator"),
        (annotated, "callback"),
        (toys.noisy_quadratic_callback, "callback"),
        (lambda run: None, "callback"),
        (lambda lr: lr, "plain"),
    ],
)
def test_the_form_is_known_without_a_call(function, form):
    """Generator, callback or plain: read from the function, which is not called for it."""
    source = FunctionSource(function)
    assert source.form == form
    assert source.pausable is (form != "plain")


def test_an_unexpected_iterator_is_used_and_told():
    """A plain looking function that returns an iterator is trained, with a note on how to make it
    pausable."""
    points, last = run_through(hidden)
    assert points == [(1, "loss", 0.1)]
    assert any("Iterator[float]" in note for note in last.notes)


def test_the_form_can_be_given():
    """Where the form cannot be seen it can be said."""
    source = FunctionSource(hidden, form="generator")
    assert source.pausable
    assert run_through(hidden, form="generator")[1].notes == ()


def needs_data(lr, data, model):
    yield lr


async def coroutine(lr):
    return lr


async def async_generator(lr):
    yield lr


def both_ways(run):
    yield run.lr


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (
            needs_data,
            r"needs_data \(test_function_source.py\) also wants `data` and `model`.*--param data=",
        ),
        (lambda: 1.0, "takes no learning rate: give it a parameter `lr`"),
        (lambda seed: 1.0, "takes no learning rate"),
        (lambda run, data: None, "also wants `data`"),
        (coroutine, "is asynchronous"),
        (async_generator, "is asynchronous"),
        (both_ways, "takes `run` and also yields"),
        (Trainer, "is a class"),
        (3.0, r"is a float \(3.0\), no function"),
    ],
)
def test_functions_that_cannot_be_trained_are_refused(function, sentence):
    """What is no training function is refused when the source is made, in a sentence that says what to do."""
    with pytest.raises(SourceError, match=sentence):
        FunctionSource(function)


# ---- what is reported


def test_mappings_keep_their_metrics():
    """Each entry is a metric; "step" counts; "learning_rate" becomes "lr"; None is left out; text is told
    once."""
    reports = [
        {"loss": 1.0, "learning_rate": 0.1, "step": 10, "phase": "warm"},
        {"loss": 0.5, "val_loss": None, "step": 20, "phase": "hot"},
        {"loss": 0.2},
    ]
    points, last = run_through(gives(*reports))
    assert points == [(10, "loss", 1.0), (10, "lr", 0.1), (20, "loss", 0.5), (21, "loss", 0.2)]
    assert last.notes == ("'phase' is text and was left out.",)


def test_one_step_can_be_reported_in_parts():
    """A validation loss may be reported after the training loss, for the same step."""

    def train(run):
        for step in range(3):
            run.report(loss=1.0, step=step)
            if step == 2:
                run.report(val_loss=2.0, step=step)

    assert run_through(train)[0] == [
        (0, "loss", 1.0),
        (1, "loss", 1.0),
        (2, "loss", 1.0),
        (2, "val_loss", 2.0),
    ]


def test_report_takes_a_number_a_mapping_or_names():
    """`run.report(0.1)`, `run.report({"loss": 0.2})`, `run.report(loss=0.3)` and mixtures."""

    def train(run):
        run.report(0.1)
        run.report({"loss": 0.2})
        run.report(loss=0.3)
        run.report({"loss": 0.4}, acc=1)
        run.report(0.5, acc=True)

    points, _ = run_through(train)
    assert [p for p in points if p[1] == "loss"] == [(k, "loss", k / 10) for k in range(1, 6)]
    assert [p for p in points if p[1] == "acc"] == [(4, "acc", 1.0), (5, "acc", 1.0)]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([1.0, "0.5"], r"yielded text \('0.5'\) at step 2: yield the loss as one number"),
        ([None], r"yielded nothing \(None\) at step 1"),
        ([1j], r"yielded a complex number \(1j\) at step 1"),
        ([[1.0, 2.0]], "yielded a list of 2 values"),
        ([{}], "yielded an empty mapping"),
        ([{"step": 3}], "yielded a mapping without a number"),
        ([{"phase": "warm"}], "yielded a mapping without a number"),
        ([{"loss": 1j}], "yielded a complex number .* as 'loss'"),
        (
            [{"loss": 1.0, "step": 5}, {"loss": 1.0, "step": 4}],
            "yielded step 4 after step 5: steps must increase",
        ),
        ([{"loss": 1.0, "step": 5}, {"loss": 1.0, "step": 5}], "yielded 'loss' twice for step 5"),
        ([{"loss": 1.0, "step": 1.5}], "yielded step 1.5: steps are whole numbers"),
        ([{"loss": 1.0, "step": "one"}], r"yielded text \('one'\) as its step"),
        ([], "ended without yielding a loss"),
    ],
)
def test_what_is_no_loss_is_refused(values, sentence):
    """Text, None, complex numbers, arrays, empty mappings, steps that go back: wrong use, in one sentence."""
    with pytest.raises(SourceError, match=sentence):
        run_through(gives(*values))


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (
            lambda run: run.report(loss="low"),
            r"reported a mapping without a number \({'loss': 'low'}\) at step 1",
        ),
        (lambda run: run.report(), "reported an empty mapping"),
        (lambda run: None, r"never called run.report"),
        (lambda lr: None, "returned nothing: yield the loss at every step"),
        (lambda lr: "good", r"returned text \('good'\): return the loss"),
        (lambda lr: [1.0], "returned a list of 1 values"),
        (lambda lr: coroutine(lr), "is asynchronous"),
    ],
)
def test_callbacks_and_plain_functions_are_refused_likewise(function, sentence):
    """The same holds for what is reported and what is returned."""
    with pytest.raises(SourceError, match=sentence):
        run_through(function)


def test_wrong_use_is_heard_although_the_function_catches_everything():
    """A callback that catches all exceptions does not hide its mistake."""

    def train(run):
        for _ in range(5):
            try:
                run.report(loss="low")
            except BaseException:
                continue

    with pytest.raises(SourceError, match="reported a mapping without a number"):
        run_through(train)


# ---- failures


def raising_generator(lr):
    yield 1.0
    raise ValueError("no good")  # the line that is named


def raising_callback(run):
    run.report(1.0)
    raise ValueError("no good")


def raising_in_library(lr):
    yield 1.0
    pickle.loads(b"")


def leaving(lr):
    yield 1.0
    raise SystemExit(3)


@pytest.mark.parametrize("function", [raising_generator, raising_callback, raising_in_library, leaving])
def test_an_exception_fails_the_run_and_names_the_users_line(function):
    """Status FAILED, what came before is kept, the reason names the user's own line, the detail has no
    frame of ours."""
    points, last = run_through(function)
    line = function.__code__.co_firstlineno + 2
    assert points == [(1, "loss", 1.0)]
    assert last.status is Status.FAILED
    assert f"in {function.__name__} (test_function_source.py, line {line})" in last.reason
    assert "lrscope/training" not in last.detail
    assert last.detail.startswith("Traceback")


def test_keyboard_interrupt_goes_through():
    """Ctrl-C in the user's code is no failure of the run."""

    def train(lr):
        yield 1.0
        raise KeyboardInterrupt

    run = FunctionSource(train).start(Config(lr=0.1), 0)
    with pytest.raises(KeyboardInterrupt):
        run.advance(None, 10)
    run.close()


def test_a_function_may_end_its_run_itself():
    """`raise StopRun` completes a run early, in both forms."""

    def generator(lr):
        yield 1.0
        raise StopRun

    def callback(run):
        run.report(1.0)
        raise StopRun

    for function in (generator, callback):
        points, last = run_through(function)
        assert (points, last.status) == ([(1, "loss", 1.0)], Status.ENDED)


def test_a_failed_run_stays_failed():
    """Advancing what has come to an end brings the same status and no points; a closed run is refused."""
    run = FunctionSource(raising_generator).start(Config(lr=0.1), 0)
    first, again = run.advance(None, 10), run.advance(None, 10)
    assert (again.status, again.points, again.reason) == (Status.FAILED, [], first.reason)
    other = FunctionSource(takes_both).start(Config(lr=0.1), 0)
    other.close()
    with pytest.raises(UsageError, match="has been closed"):
        other.advance(None, 10)


# ---- closing and waiting


@pytest.mark.parametrize("form", ["generator", "callback"])
def test_closing_lets_the_function_clean_up(form):
    """`finally` runs when a paused run is closed, and no thread is left."""
    cleaned = []

    def generator(lr):
        try:
            while True:
                yield 1.0
        finally:
            cleaned.append(True)

    def callback(run):
        try:
            while True:
                try:
                    run.report(1.0)
                except Exception:
                    cleaned.append("caught")
        finally:
            cleaned.append(True)

    threads = threading.active_count()
    run = FunctionSource(generator if form == "generator" else callback).start(Config(lr=0.1), 0)
    assert run.advance(5, 10).step == 5
    run.close()
    assert cleaned == [True]
    assert threading.active_count() == threads


def test_a_condemned_callback_is_closed():
    """A callback that its watch condemns gets StopRun out of report, and its thread ends."""
    seen = []

    def train(run):
        try:
            for _ in range(100):
                run.report(1.0)
        except StopRun:
            seen.append("stopped")
            raise

    threads = threading.active_count()
    run = FunctionSource(train).start(Config(lr=0.1), 0, watch=FireAt(4))
    last = run.advance(None, 10)
    assert (last.status, last.step, last.reason) == (Status.DIVERGED, 4, "fired at step 4")
    run.close()
    assert seen == ["stopped"]
    assert threading.active_count() == threads


def test_a_callback_that_ignores_its_end_stops_working():
    """A function that catches StopRun and goes on is made to wait, and costs nothing more."""
    calls = []

    def train(run):
        while True:
            calls.append(1)
            try:
                run.report(1.0)
            except BaseException:
                continue

    run = FunctionSource(train).start(Config(lr=0.1), 0)
    run.advance(3, 10)
    run._thread.join = lambda timeout: None  # it never ends, and need not be waited for
    run.close()
    time.sleep(0.2)
    before = len(calls)
    time.sleep(0.1)
    assert len(calls) == before < 1000


def test_a_slice_ends_though_the_step_is_not_reached():
    """With no time at all an advance still makes one step, and says that it wants to go on."""
    for function in (toys.noisy_quadratic, toys.noisy_quadratic_callback):
        run = FunctionSource(function).start(Config(lr=0.1), 0)
        progress = run.advance(None, 0.0)
        run.close()
        assert (progress.status, progress.step) == (Status.ADVANCING, 1)


# ---- identity and travelling


def test_identity_is_what_was_typed():
    """A spec is its own identity; an object is known by module and name, a partial also by its arguments."""
    spec = f"{toys.__file__}:noisy_quadratic"
    assert FunctionSource(spec).identity() == {"function": spec}
    assert FunctionSource(spec).name == "toys-noisy_quadratic"
    assert FunctionSource(toys.noisy_quadratic).identity() == {
        "function": "lrscope.testing.toys:noisy_quadratic"
    }
    short, long = (
        FunctionSource(functools.partial(toys.noisy_quadratic, steps=n)).identity() for n in (5, 50)
    )
    assert short != long


def test_fingerprint_changes_with_the_file(tmp_path):
    """The fingerprint is the hash of the file: it changes when the file does."""
    path = tmp_path / "fingered.py"
    path.write_text("def train(lr):\n    yield lr\n")
    source = FunctionSource(f"{path}:train")
    before = dict(source.fingerprint())
    path.write_text("def train(lr):\n    yield lr * 2\n")
    assert before.keys() == {"fingered.py"}
    assert source.fingerprint() != before


def test_partials_and_methods_travel():
    """Partials and bound methods of importable things survive pickling."""
    for function in (functools.partial(toys.noisy_quadratic, steps=5), Trainer().fit):
        twin = pickle.loads(pickle.dumps(FunctionSource(function)))
        assert run_through(twin.function)[0] == run_through(function)[0]


def test_what_cannot_travel_says_so():
    """A function inside a function cannot be found by another process: one sentence, when it is pickled."""
    with pytest.raises(SourceError, match="define it at the top level of a file, or scan with jobs=1"):
        pickle.dumps(FunctionSource(gives(1.0)))
