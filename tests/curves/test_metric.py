"""Which metric is judged by when the user named none."""

from __future__ import annotations

import pytest

from lrscope.curves.metric import choose_metric


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["lr", "loss", "val_loss", "val_acc"], "val_loss"),
        (["loss_cls", "loss_box", "total_loss"], "total_loss"),
        (["val/box_loss", "val/loss", "loss"], "val/loss"),
        (["train/box_loss", "train/cls_loss"], "train/box_loss"),
        (["accuracy", "lr"], "accuracy"),
        (["time", "lr"], None),
    ],
)
def test_the_whole_comes_before_its_parts(names, chosen):
    """Validation before training, a loss before a score, the whole loss before a part of it; never the time."""
    assert choose_metric(names) == chosen
