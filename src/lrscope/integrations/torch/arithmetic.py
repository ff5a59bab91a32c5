"""Norms and dot products over all of a model's tensors at once, whatever their kind."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_SIMPLE = frozenset((torch.float32, torch.float64))


def norm(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all entries together, a scalar tensor; 0 for none. Half precision is summed in
    single, sparse gradients by their values."""
    dense = (
        tensors
        if all(t.dtype in _SIMPLE and t.layout is torch.strided for t in tensors)
        else [_plain(t) for t in tensors]
    )
    if not dense:
        return torch.zeros(())
    norms: Sequence[Tensor] = torch._foreach_norm(dense)  # type: ignore[arg-type]
    if len(norms) == 1:
        return norms[0]
    first = norms[0].device
    together = torch.stack([n if n.device == first else n.to(first) for n in norms])
    return torch.sqrt(torch.sum(together * together))


def dot(gradients: Sequence[Tensor | None], updates: Sequence[Tensor]) -> Tensor:
    """The sum of products of entries, a scalar tensor; a parameter without a gradient adds nothing."""
    parts = [_product(g, u) for g, u in zip(gradients, updates, strict=True) if g is not None]
    if not parts:
        return torch.zeros(())
    first = parts[0].device
    return torch.stack([p if p.device == first else p.to(first) for p in parts]).sum()


def _product(gradient: Tensor, update: Tensor) -> Tensor:
    if gradient.is_sparse:
        gradient = gradient.coalesce()
        update = update[tuple(gradient.indices())]
        gradient = gradient.values()
    gradient, update = _plain(gradient), _plain(update)
    return torch.dot(gradient.reshape(-1), update.reshape(-1))


def _plain(tensor: Tensor) -> Tensor:
    """Dense, real, in single precision at least."""
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
