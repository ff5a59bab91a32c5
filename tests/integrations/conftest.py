"""What the tests of the frameworks ask for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture
def one_thread() -> None:
    """PyTorch on one thread, from one seed."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def quiet_host(one_thread: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same without a graphics card, and without what a framework advises and deprecates by itself."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
