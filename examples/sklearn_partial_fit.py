"""Any scikit-learn estimator that has `partial_fit`: here a neural network on the digits that come with it.

    lrscope scan --metric val_accuracy examples/sklearn_partial_fit.py:train

One step is one pass over the data. A metric of which more is better is recognised by its name.
"""

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

PASSES = 32
x, y = load_digits(return_X_y=True)
x = x / 16.0
train_x, train_y, test_x, test_y = x[:1437], y[:1437], x[1437:], y[1437:]


def train(lr: float, seed: int) -> Iterator[dict[str, float]]:
    """Train by plain gradient descent, yielding after each pass."""
    model = MLPClassifier(
        (32,), solver="sgd", learning_rate_init=lr, momentum=0.9, batch_size=50, random_state=seed
    )
    for _ in range(PASSES):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # overflow, at a rate that is too high
                model.partial_fit(train_x, train_y, classes=np.arange(10))
        except ValueError:  # scikit-learn refuses to go on with weights that are not finite
            yield {"loss": float("nan")}
            return
        yield {"loss": model.loss_, "val_accuracy": model.score(test_x, test_y)}
