"""A small neural network that learns to read handwritten digits. NumPy only.

    lrscope scan examples/digits.py:train

`train` is a generator: it yields what it has measured after every step, and lrscope simply stops asking
when it wants to pause a run. Nothing in this file knows of lrscope.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

STEPS, BATCH, HIDDEN, MOMENTUM = 2000, 32, 64, 0.9

data = np.load(Path(__file__).parent / "data" / "digits.npz")
images = data["images"] / 16.0 - 0.5
labels = data["labels"].astype(int)
train_x, train_y = images[:1437], labels[:1437]
test_x, test_y = images[1437:], labels[1437:]  # the last fifth is not trained on


def forward(net: dict, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean cross entropy, the hidden layer, and the probability of each digit."""
    hidden = np.maximum(x @ net["w1"] + net["b1"], 0.0)
    scores = hidden @ net["w2"] + net["b2"]
    scores = scores - scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(y)), y].mean()), hidden, np.exp(log_p)


def gradients(net: dict, x: np.ndarray, y: np.ndarray) -> tuple[float, dict]:
    """The loss of one batch, and its derivative by every weight."""
    loss, hidden, p = forward(net, x, y)
    d_scores = p
    d_scores[np.arange(len(y)), y] -= 1.0
    d_scores /= len(y)
    d_hidden = (d_scores @ net["w2"].T) * (hidden > 0)
    return loss, {
        "w1": x.T @ d_hidden,
        "b1": d_hidden.sum(axis=0),
        "w2": hidden.T @ d_scores,
        "b2": d_scores.sum(axis=0),
    }


@np.errstate(
    over="ignore", invalid="ignore"
)  # at a rate that is too high the weights overflow: that is the lesson
def step(net: dict, speed: dict, lr: float, x: np.ndarray, y: np.ndarray) -> float:
    """One step of gradient descent with momentum, in place; the loss before it."""
    loss, grads = gradients(net, x, y)
    for name, grad in grads.items():
        speed[name] = MOMENTUM * speed[name] + grad
        net[name] -= lr * speed[name]
    return loss


@np.errstate(over="ignore", invalid="ignore")
def evaluate(net: dict) -> float:
    """The loss on digits that were not trained on."""
    return forward(net, test_x, test_y)[0]


def train(lr: float, seed: int) -> Iterator[dict[str, float]]:
    """Train from scratch, yielding the loss of each batch, and the validation loss every tenth step."""
    rng = np.random.default_rng(seed)
    net = {
        "w1": rng.normal(0, np.sqrt(2 / 64), (64, HIDDEN)),
        "b1": np.zeros(HIDDEN),
        "w2": rng.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, 10)),
        "b2": np.zeros(10),
    }
    speed = {name: np.zeros_like(weights) for name, weights in net.items()}
    for k in range(1, STEPS + 1):
        rows = rng.integers(len(train_y), size=BATCH)
        loss = step(net, speed, lr, train_x[rows], train_y[rows])
        yield {"loss": loss} if k % 10 else {"loss": loss, "val_loss": evaluate(net)}
