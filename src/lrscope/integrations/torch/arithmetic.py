"""Norms and dot products over all of a model's tensors at once, whatever their kind.

A small model's weights are packed into one vector first: on tensors of a few thousand entries it is the number
of operations that costs, not their size. A large model's are left where they are, for the copy would cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_SIMPLE_DTYPES = frozenset((torch.float32, torch.float64))
_PACKED_ENTRIES = 1 << 18  # entries; at a million, packing costs more than it saves


def can_pack(weights: Sequence[Tensor]) -> bool:
    """Whether these are few entries, of one simple type, on one device."""
    if not weights or sum(w.numel() for w in weights) > _PACKED_ENTRIES:
        return False
    kind, place = weights[0].dtype, weights[0].device
    return kind in _SIMPLE_DTYPES and all(
        w.dtype == kind and w.device == place and w.layout is torch.strided for w in weights
    )


def pack(tensors: Sequence[Tensor | None], like: Sequence[Tensor]) -> list[Tensor]:
    """All entries in one vector, a copy; zeros where a parameter has no gradient, sparse ones made dense."""
    parts = [
        (t.to_dense() if t.is_sparse else t).reshape(-1) if t is not None else w.new_zeros(w.numel())
        for t, w in zip(tensors, like, strict=True)
    ]
    return [torch.cat(parts)]


def norm(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all entries together, a scalar tensor; 0 for none. Half precision is summed in
    single, sparse gradients by their values."""
    dense = (
        tensors
        if all(t.dtype in _SIMPLE_DTYPES and t.layout is torch.strided for t in tensors)
        else [_plain(t) for t in tensors]
    )
    if not dense:
        return torch.zeros(())
    if len(dense) == 1:
        whole: Tensor = torch.linalg.vector_norm(dense[0])
        return whole
    norms: Sequence[Tensor] = torch._foreach_norm(dense)  # type: ignore[arg-type]
    first = norms[0].device
    together = torch.stack([n if n.device == first else n.to(first) for n in norms])
    return torch.sqrt(torch.sum(together * together))


def dot(gradients: Sequence[Tensor | None], updates: Sequence[Tensor]) -> Tensor:
    """The sum of products of entries, a scalar tensor; a parameter without a gradient adds nothing."""
    parts = [_product(g, u) for g, u in zip(gradients, updates, strict=True) if g is not None]
    if not parts:
        return torch.zeros(())
    if len(parts) == 1:
        return parts[0]
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
