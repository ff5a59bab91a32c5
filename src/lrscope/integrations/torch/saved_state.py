"""What a few steps of training, or an evaluation in between, change: saved, and put back bit for bit.

Values go back into the very tensors, lists and dictionaries they were in, so that whoever holds one of them
(a scheduler, a compiled step, a view) sees the old value again.
"""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Restore = Callable[[], Any]
"""Puts something back and returns it; can be called any number of times."""


class SavedState:
    """The state of a training run as it is now.

    Parameters
    ----------
    model : module
        Weights, gradients, buffers, modes, `requires_grad`.
    optimizer : torch.optim.Optimizer
        Its state and parameter groups, and the weights it holds beyond the model's.
    others : iterable
        Schedulers, a GradScaler, data loaders, samplers, generators: whatever else has a state. An iterator
        cannot be wound back, and is left as it is.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, others: Iterable[Any] = ()) -> None:
        modules = list(model.modules())
        self._restores: list[Restore] = [
            remember_modes(modules),
            remember_buffers(modules),
            *_weights([*model.parameters(), *(p for g in optimizer.param_groups for p in g["params"])]),
            _remember_optimizer(optimizer),
            *(remember(other) for other in others),
        ]
        self._random = _random()

    def restore(self) -> None:
        """Put everything back."""
        with torch.no_grad():
            for restore in self._restores:
                restore()
        self._random()


@contextmanager
def borrowed(model: nn.Module, optimizer: Optimizer, others: Iterable[Any] = ()) -> Iterator[SavedState]:
    """What is changed inside is as it was afterwards, whichever way the block is left."""
    saved = SavedState(model, optimizer, others)
    try:
        yield saved
    finally:
        saved.restore()


class RandomState:
    """Torch's random states, of the processor and of every CUDA device in use."""

    def __init__(self) -> None:
        self._cpu = torch.get_rng_state()
        in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        self._cuda: list[Tensor] = torch.cuda.get_rng_state_all() if in_use else []

    def restore(self) -> None:
        """Set them again; can be called any number of times."""
        torch.set_rng_state(self._cpu)
        if self._cuda:
            torch.cuda.set_rng_state_all(self._cuda)


def remember_buffers(modules: Sequence[nn.Module]) -> Callable[[], None]:
    """How to put back the buffers of modules."""
    mappings = [module._buffers for module in modules]
    before = [dict(mapping) for mapping in mappings]
    values = [(b, b.detach().clone()) for buffers in before for b in buffers.values() if b is not None]

    def restore() -> None:
        # always copied back: BatchNorm changes its statistics without counting up the buffer's version
        for buffer, value in values:
            _put(buffer, value)
        for mapping, buffers in zip(mappings, before, strict=True):
            _refill(mapping, buffers)

    return restore


def remember_modes(modules: Sequence[nn.Module]) -> Callable[[], None]:
    """How to put back which modules are in training mode."""
    modes = [(module, module.training) for module in modules]

    def restore() -> None:
        for module, training in modes:
            if module.training != training:
                module.training = training

    return restore


def remember(thing: Any) -> Restore:
    """How to put a value back: tensors, containers and objects with state in place, plain values as
    they are."""
    if isinstance(thing, Tensor):
        return _remember_tensor(thing)
    if isinstance(thing, torch.Generator):
        state = thing.get_state()
        return lambda: thing.set_state(state)
    if isinstance(thing, MutableMapping):
        return _remember_mapping(thing)
    if isinstance(thing, MutableSequence):
        parts = [remember(value) for value in thing]

        def restore_sequence() -> Any:
            thing[:] = [part() for part in parts]
            return thing

        return restore_sequence
    if isinstance(thing, Optimizer):
        return _remember_optimizer(thing)
    if isinstance(thing, LRScheduler | torch.amp.GradScaler):
        return _remember_attributes(thing)
    if hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict"):
        saved = copy.deepcopy(thing.state_dict())
        return lambda: thing.load_state_dict(copy.deepcopy(saved))
    if isinstance(thing, torch.utils.data.DataLoader | torch.utils.data.Sampler):
        names = ("generator", "sampler", "batch_sampler")
        parts = [remember(part) for name in names if (part := getattr(thing, name, None)) is not None]
        return lambda: [part() for part in parts] and thing
    return _as_it_is(thing)


def _as_it_is(thing: Any) -> Restore:
    return lambda: thing


def _remember_tensor(tensor: Tensor) -> Restore:
    value = tensor.detach().clone()

    def restore() -> Tensor:
        _put(tensor, value)
        return tensor

    return restore


def _put(tensor: Tensor, value: Tensor) -> None:
    """A value into the very tensor."""
    if tensor.shape != value.shape:
        tensor.data = value.clone()
    else:
        tensor.data.copy_(value)


def _remember_mapping(mapping: MutableMapping[Any, Any], leave: tuple[str, ...] = ()) -> Restore:
    parts = [
        (key, _as_it_is(value) if isinstance(key, str) and key in leave else remember(value))
        for key, value in mapping.items()
    ]

    def restore() -> Any:
        _refill(mapping, {key: part() for key, part in parts})
        return mapping

    return restore


def _refill(mapping: MutableMapping[Any, Any], values: Mapping[Any, Any]) -> None:
    """These values, and no others. Nothing is touched where nothing else stands there: compiled code watches such
    mappings for changes."""
    if len(mapping) != len(values) or any(mapping.get(k, values) is not v for k, v in values.items()):
        mapping.clear()
        mapping.update(values)


def _remember_attributes(thing: Any) -> Restore:
    """An object by its attributes. Those that are optimisers are remembered elsewhere; functions stay."""
    leave = tuple(name for name, value in vars(thing).items() if isinstance(value, Optimizer))
    attributes = _remember_mapping(vars(thing), leave)

    def restore() -> Any:
        attributes()
        return thing

    return restore


def _remember_optimizer(optimizer: Optimizer) -> Restore:
    groups = [_remember_mapping(group, ("params",)) for group in optimizer.param_groups]
    state = _remember_mapping(optimizer.state)
    plain = {
        name: value
        for name, value in vars(optimizer).items()
        if isinstance(value, bool | int | float | str | None)
    }

    def restore() -> Optimizer:
        for group in groups:
            group()
        state()
        for name in [
            name
            for name, value in vars(optimizer).items()
            if name not in plain and isinstance(value, bool | int | float | str)
        ]:
            delattr(optimizer, name)
        vars(optimizer).update(plain)
        return optimizer

    return restore


def _weights(weights: Iterable[Tensor]) -> Iterator[Restore]:
    """Weights, whether they are trained, and their gradients. The gradient itself is set aside, not copied:
    the steps in between must begin without one, and make their own."""
    seen: set[int] = set()
    for weight in weights:
        if id(weight) in seen:
            continue
        seen.add(id(weight))
        yield _remember_weight(weight)


def _remember_weight(weight: Tensor) -> Restore:
    value = weight.detach().clone()
    trained, gradient = weight.requires_grad, weight.grad
    # A sparse gradient cannot be copied into; it is only ever set aside.
    kept = None if gradient is None or gradient.is_sparse else gradient.detach().clone()

    def restore() -> Tensor:
        weight.data.copy_(value)
        weight.requires_grad_(trained)
        if gradient is not None and kept is not None:
            gradient.data.copy_(kept)
        weight.grad = gradient
        return weight

    return restore


def _random() -> Callable[[], None]:
    """Python's, NumPy's (if it is in use) and torch's random states."""
    python = random.getstate()
    torchs = RandomState()
    numpy = sys.modules.get("numpy")
    numpys = numpy.random.get_state() if numpy is not None else None

    def restore() -> None:
        random.setstate(python)
        torchs.restore()
        if numpy is not None:
            numpy.random.set_state(numpys)

    return restore
