"""How a user's function wants to be called: which of three forms it has, and where rate and seed go."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lrscope.errors import SourceError
from lrscope.training.source.function.collector import describe
from lrscope.training.source.function.reporting import Reporter

_RATE_ARGUMENTS = ("lr", "learning_rate")
_STEP_ANNOTATIONS = ("Iterator", "Iterable", "Generator")


class Form(StrEnum):
    """How a function tells what it measured."""

    GENERATOR = "generator"  # yields at every step
    CALLBACK = "callback"  # takes `run` and calls `run.report(...)`
    PLAIN = "plain"  # returns one number: the run is a single evaluation


@dataclass(frozen=True, slots=True)
class Calling:
    """A function's form, and which of its parameters get what.

    `positional` and `named` hold "seed", "run" or the hyperparameter's name where those are to be passed.
    """

    form: Form
    positional: tuple[str, ...]
    named: tuple[tuple[str, str], ...]

    @property
    def takes_seed(self) -> bool:
        """Whether the seed reaches the function. A callback has it in `run.seed`."""
        return (
            self.form is Form.CALLBACK or "seed" in self.positional or any(w == "seed" for _, w in self.named)
        )

    def call(self, function: Callable[..., Any], values: dict[str, Any]) -> Any:
        """Call the function with `values` of "seed", "run" and the hyperparameters."""
        return function(*[values[w] for w in self.positional], **{name: values[w] for name, w in self.named})


def read_signature(
    function: Any, who: str, form: Form | None = None, parameters: Sequence[str] = ("lr",)
) -> Calling:
    """Decide form and parameters of a user's function, without calling it.

    `lr` (or `learning_rate`) and `seed` are passed by name where parameters are called so. Where none is, the
    first parameter gets the rate, and a second one without a default gets the seed. A first parameter called
    `run`, or annotated with `Reporter`, makes it a callback. Partials, bound methods, callable objects and
    functions wrapped with `functools.wraps` are seen through.

    Parameters
    ----------
    function : callable
    who : str
        Its name for sentences.
    form : Form, optional
        The form, where the caller knows better than can be seen.
    parameters : sequence of str
        Hyperparameters that it is to be given. All but the learning rate are passed by name; a callback finds them
        in `run.config` as well.

    Raises
    ------
    SourceError
        If it is no function that could be trained, or takes no argument of a hyperparameter's name.
    """
    others = [name for name in parameters if name != "lr"]
    code = underlying(function)
    if inspect.isclass(function):
        raise SourceError(f"{who} is a class: give a function, or an instance that can be called.")
    if not callable(function):
        raise SourceError(
            f"{who} is {describe(function)}, no function: give one like train(lr, seed) that yields its "
            "loss at every step."
        )
    if inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code):
        raise SourceError(
            f"{who} is asynchronous: give an ordinary function or generator (def, not async def)."
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions do not tell
        return Calling(form or Form.PLAIN, ("lr",), tuple((name, name) for name in others))
    taken = list(signature.parameters.values())
    yields = inspect.isgeneratorfunction(code)
    callback = form is Form.CALLBACK or (form is None and bool(taken) and _is_run(taken[0]))
    if callback and yields:
        raise SourceError(
            f"{who} takes `run` and also yields: either take `lr` and yield the loss, or call "
            "run.report(loss=...) and do not yield."
        )
    given = _assign(taken, who, callback, others)
    if form is None:
        if callback:
            form = Form.CALLBACK
        else:
            form = Form.GENERATOR if yields or _says_steps(signature.return_annotation) else Form.PLAIN
    return Calling(form, *_split(taken, given))


def _assign(
    parameters: list[inspect.Parameter], who: str, callback: bool, others: Sequence[str]
) -> dict[str, str]:
    """Parameter name → "seed", "run" or the hyperparameter that it is given."""
    kinds = inspect.Parameter
    real = [p for p in parameters if p.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)]
    given: dict[str, str] = {}
    if callback:
        if not real:
            raise SourceError(f"{who} takes nothing: give it a parameter `run`.")
        given[real[0].name] = "run"
    for parameter in real:
        if parameter.name in given:
            continue
        if parameter.name in _RATE_ARGUMENTS and "lr" not in given.values():
            given[parameter.name] = "lr"
        elif parameter.name == "seed" or parameter.name in others:
            given[parameter.name] = parameter.name
    anything = any(p.kind is kinds.VAR_KEYWORD for p in parameters)
    for name in others:
        if name not in given and anything:
            given[name] = name
        elif name not in given and not callback:
            raise SourceError(
                f"{who} takes no `{name}`: give it an argument of that name, or leave {name} out."
            )
    if not callback and "lr" not in given.values():
        free = [p for p in real if p.name not in given and p.kind is not kinds.KEYWORD_ONLY]
        if free:
            given[free[0].name] = "lr"
            second = free[1] if len(free) > 1 else None
            if second is not None and second.default is kinds.empty and "seed" not in given.values():
                given[second.name] = "seed"
        elif any(p.kind is kinds.VAR_POSITIONAL for p in parameters):
            given["*"] = "lr"
        elif anything:
            given["**"] = "lr"
        else:
            raise SourceError(f"{who} takes no learning rate: give it a parameter `lr`.")
    missing = [p.name for p in real if p.name not in given and p.default is kinds.empty]
    if missing:
        names = " and ".join(f"`{name}`" for name in missing)
        raise SourceError(
            f"{who} also wants {names}, which lrscope cannot know: give defaults, or say what to pass "
            f"(config={{{missing[0]!r}: …}}, on the command line --param {missing[0]}=…)."
        )
    return given


def _split(
    parameters: list[inspect.Parameter], given: dict[str, str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    if "*" in given:
        return ("lr",), tuple((n, w) for n, w in given.items() if n != "*")
    if "**" in given:
        return (), (("lr", "lr"), *[(n, w) for n, w in given.items() if n != "**"])
    # By position what comes first; by name the rest, since parameters that keep their default stand between.
    positional = []
    rest = dict(given)
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY or parameter.name not in rest:
            break
        positional.append(rest.pop(parameter.name))
    named = tuple(rest.items())
    only = {p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_ONLY}
    if any(name in only for name, _ in named):
        raise SourceError(
            "Rate and seed must come first among parameters that can only be passed by position."
        )
    return tuple(positional), named


def underlying(function: Any) -> Any:
    """The function whose body will run, as far as it can be seen from outside."""
    for _ in range(20):
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif inspect.isfunction(function) or inspect.isclass(function) or inspect.isbuiltin(function):
            break
        elif hasattr(type(function), "__call__") and inspect.isfunction(type(function).__call__):  # noqa: B004
            function = type(function).__call__
        else:
            break
    return function


def _is_run(parameter: inspect.Parameter) -> bool:
    annotation = parameter.annotation
    if annotation is Reporter or (
        isinstance(annotation, str) and annotation.split(".")[-1] == Reporter.__name__
    ):
        return True
    return parameter.name == "run" and parameter.kind in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )


def _says_steps(annotation: Any) -> bool:
    text = annotation if isinstance(annotation, str) else repr(annotation)
    head = text.partition("[")[0].rpartition(".")[2].strip("'<> ")
    return head in _STEP_ANNOTATIONS
