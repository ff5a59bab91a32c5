"""A Python function as a source of training runs.

Three forms, told apart before anything is run (`signature.py`):

    def train(lr, seed):                    def train(run):                        def f(lr):
        ...                                     ...                                    ...
        yield loss                              run.report(loss=loss)                  return loss
"""

from __future__ import annotations

import hashlib
import inspect
import pickle
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lrscope.config import Config
from lrscope.errors import SourceError
from lrscope.training.source.base import LiveRun, Source, Watch
from lrscope.training.source.function import loading
from lrscope.training.source.function.following import (
    HOW_CALLBACKS,
    HOW_GENERATORS,
    Changing,
    Following,
    FollowingReporter,
    discards,
)
from lrscope.training.source.function.live import GeneratorRun
from lrscope.training.source.function.reporting import CallbackRun
from lrscope.training.source.function.signature import Form, read_signature, underlying


class FunctionSource(Source):
    """Runs of a Python function: a generator, a callback, or a plain function of the rate.

    Parameters
    ----------
    function : callable or str
        The function, or ``file.py:name`` / ``package.module:name``, which is imported here and now.
    form : {"generator", "callback", "plain"}, optional
        How it reports, where that cannot be seen from outside (a wrapper that hides the `yield` inside).
    parameters : sequence of str, default ("lr",)
        Hyperparameters that it is given: the learning rate as `read_signature` says, all others as keyword arguments.

    Raises
    ------
    SourceError
        If it cannot be loaded, or is no function that takes a learning rate.

    Notes
    -----
    Runs that take turns in one process each keep their own state of Python's, NumPy's and PyTorch's global random
    numbers (`randomness.py`); other module-level state of the user's code is shared by them, except where each run has
    a process of its own (`engine/processes.py`).
    """

    def __init__(
        self,
        function: Callable[..., Any] | str,
        *,
        form: Form | str | None = None,
        parameters: Sequence[str] = ("lr",),
    ) -> None:
        self.parameters = tuple(parameters)
        self._form = None if form is None else Form(form)
        if isinstance(function, str):
            self._spec: str | None = loading.resolve(function)
            self._given = function
            self.function: Callable[..., Any] = loading.load_object(self._spec)
        else:
            self._spec = None
            self._given = _qualified(function)
            self.function = function
        self.who = _who(self.function, self._given)
        self._calling = read_signature(self.function, self.who, self._form, self.parameters)
        self.form = self._calling.form
        self.name = _name(self._spec, self.function)
        self.pausable = self.form is not Form.PLAIN
        self.takes_seed = self._calling.takes_seed

    def start(
        self, config: Config, seed: int, *, watch: Watch | None = None, log: Path | None = None
    ) -> LiveRun:
        """Make a run ready. A function has no output of its own, so `log` is left alone."""
        del log
        call = partial(self._calling.call, self.function)
        if self.form is Form.CALLBACK:
            return CallbackRun(call, config, seed, self.who, watch)
        begin = partial(call, {**config, "seed": seed})
        return GeneratorRun(begin, self.who, watch, expect_steps=self.form is Form.GENERATOR)

    @property
    def keeps_rate(self) -> str | None:
        """A plain function has no steps between which to change; a generator has to take what it is sent."""
        if self.form is Form.PLAIN:
            return (
                f"a plain function returns one number at the end (a generator could follow: {HOW_GENERATORS}; or a "
                f"callback: {HOW_CALLBACKS})"
            )
        code = getattr(underlying(self.function), "__code__", None)
        if (
            self.form is Form.GENERATOR
            and code is not None
            and code.co_flags & inspect.CO_GENERATOR
            and discards(code)
        ):
            return f"it drops what it is sent at its yield ({HOW_GENERATORS})"
        return None

    def start_changing(
        self,
        config: Config,
        rate: Changing,
        seed: int,
        *,
        watch: Watch | None = None,
        log: Path | None = None,
    ) -> LiveRun:
        """As `Source.start_changing`: a callback finds the rate in `run.lr`, a generator is sent it."""
        del log
        call = partial(self._calling.call, self.function)
        config = config | {"lr": rate(0)}
        if self.form is Form.CALLBACK:
            told: list[FollowingReporter] = []

            def reporter(report: Callable[[Any, Any], None]) -> FollowingReporter:
                told.append(FollowingReporter(config, rate, seed, report, self.who))
                return told[0]

            changing = CallbackRun(call, config, seed, self.who, watch, reporter)
            told[0].count_by(lambda: changing.collector.step)
            return changing
        first = partial(call, {**config, "seed": seed})

        def begin() -> Following:
            return Following(first(), rate, lambda: run.collector.step, self.who)

        run = GeneratorRun(begin, self.who, watch, expect_steps=True)
        return run

    def identity(self) -> Mapping[str, str]:
        """The spec, or module and name of the function, and the arguments bound to it."""
        identity = {"function": self._given}
        if isinstance(self.function, partial):
            bound = (self.function.args, dict(sorted(self.function.keywords.items())))
            identity["arguments"] = re.sub(r" at 0x[0-9a-f]+", "", repr(bound))
        return identity

    def fingerprint(self) -> Mapping[str, str]:
        """The SHA-256 of the file that the function stands in; empty where it stands in none."""
        path = loading.source_file(self._spec) if self._spec else None
        if path is None:
            path = _file_of(self.function)
        try:
            return {} if path is None else {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
        except OSError:
            return {}

    def __reduce__(self) -> tuple[Any, ...]:
        """A spec travels as the spec; an object by reference, which needs a module that the other side can
        import."""
        form = None if self._form is None else str(self._form)
        if self._spec is not None:
            return _from_spec, (self._spec, self._given, form, self.parameters)
        try:
            reference = pickle.dumps(self.function)
        except Exception as error:  # pickle has no one error: PicklingError, AttributeError, TypeError, …
            raise SourceError(
                f"{self.who} cannot be sent to another process ({_first_line(error)}): define it at the top "
                "level of a file, or scan with jobs=1."
            ) from None
        if b"__main__" not in reference:
            return _from_reference, (reference, form, self.parameters)
        main = getattr(sys.modules["__main__"], "__file__", None)
        if main is None or not Path(main).is_file():
            raise SourceError(
                f"{self.who} was typed at a prompt or in a notebook, where other processes cannot find it: "
                "put it in a file, or scan with jobs=1."
            )
        return _from_main, (str(Path(main).absolute()), reference, form, self.parameters)


def _from_spec(spec: str, given: str, form: str | None, parameters: Sequence[str]) -> FunctionSource:
    source = FunctionSource(spec, form=form, parameters=parameters)
    source._given = given  # identity is what the user typed, wherever the run lives
    return source


def _from_reference(reference: bytes, form: str | None, parameters: Sequence[str]) -> FunctionSource:
    function = pickle.loads(reference)  # noqa: S301 - from our own session, over our own pipe
    return FunctionSource(function, form=form, parameters=parameters)


def _from_main(path: str, reference: bytes, form: str | None, parameters: Sequence[str]) -> FunctionSource:
    """As above, for what the user defined in the script that was run: it is imported, and stands in for
    `__main__`."""
    main = sys.modules.get("__main__")
    if not _is_script(main, path):
        sys.modules["__main__"] = loading.load_file(Path(path), loading.MAIN_ALIAS)
    return _from_reference(reference, form, parameters)


def _is_script(main: object, path: str) -> bool:
    file = getattr(main, "__file__", None)
    return file is not None and Path(file).absolute() == Path(path)


def _qualified(function: Any) -> str:
    bare = function.func if isinstance(function, partial) else function
    if not hasattr(bare, "__qualname__"):
        bare = type(bare)
    return f"{getattr(bare, '__module__', None)}:{bare.__qualname__}"


def _who(function: Any, given: str) -> str:
    bare = inspect.unwrap(function.func if isinstance(function, partial) else function)
    name = getattr(bare, "__name__", None) or (
        type(bare).__name__ if callable(bare) else given.rpartition(":")[2]
    )
    path = _file_of(bare)
    return f"{name} ({path.name})" if path else f"{name} ({given.rpartition(':')[0]})"


def _name(spec: str | None, function: Any) -> str:
    if spec is not None:
        place, _, name = spec.rpartition(":")
        return f"{Path(place).stem if place.endswith('.py') else place.rpartition('.')[2]}-{name}"
    bare = function.func if isinstance(function, partial) else function
    name = getattr(bare, "__name__", None) or type(bare).__name__
    return str(name).strip("<>")


def _file_of(function: Any) -> Path | None:
    bare = inspect.unwrap(function.func if isinstance(function, partial) else function)
    if not (inspect.isroutine(bare) or inspect.isclass(bare)):
        bare = type(bare)
    try:
        found = inspect.getsourcefile(bare)
    except TypeError:
        return None
    return Path(found) if found and Path(found).is_file() else None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
