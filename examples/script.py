"""An ordinary training script: an autoencoder for handwritten digits, trained with Adam. NumPy only.

    python examples/script.py --lr 0.001 --seed 0 --epochs 40
    lrscope scan -- python examples/script.py --lr {lr} --seed {seed} --epochs 40

It prints its losses, as such scripts do. lrscope starts it, reads along, and suspends it between whiles.
"""

import argparse
from pathlib import Path

import numpy as np


def main() -> None:
    """Read the arguments, train, print."""
    parser = argparse.ArgumentParser(description="Train an autoencoder on handwritten digits.")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--code", type=int, default=16, help="width of the bottleneck")
    args = parser.parse_args()

    np.seterr(over="ignore", invalid="ignore")
    rng = np.random.default_rng(args.seed)
    images = np.load(Path(__file__).parent / "data" / "digits.npz")["images"] / 16.0
    train, valid = images[:1437], images[1437:]

    weights = [
        rng.normal(0, 0.1, (64, args.code)),
        np.zeros(args.code),
        rng.normal(0, 0.1, (args.code, 64)),
        train.mean(axis=0),
    ]
    first = [np.zeros_like(w) for w in weights]  # Adam's running means of the gradient
    second = [np.zeros_like(w) for w in weights]  # ... and of its square

    batches = len(train) // args.batch_size
    step = 0
    for epoch in range(1, args.epochs + 1):
        order = rng.permutation(len(train))
        for b in range(batches):
            x = train[order[b * args.batch_size : (b + 1) * args.batch_size]]
            code = np.tanh(x @ weights[0] + weights[1])
            error = code @ weights[2] + weights[3] - x
            loss = (error**2).mean()

            d_out = 2 * error / error.size
            d_code = (d_out @ weights[2].T) * (1 - code**2)
            gradients = [x.T @ d_code, d_code.sum(axis=0), code.T @ d_out, d_out.sum(axis=0)]
            step += 1
            for w, g, m, v in zip(weights, gradients, first, second, strict=True):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                w -= args.lr * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
            if step % 5 == 0:
                print(f"epoch {epoch}, step {step}/{args.epochs * batches}: train loss {loss:.5f}")

        restored = np.tanh(valid @ weights[0] + weights[1]) @ weights[2] + weights[3]
        loss = ((restored - valid) ** 2).mean()
        print(f"epoch {epoch}, step {step}/{args.epochs * batches}: val loss {loss:.5f}")


if __name__ == "__main__":
    main()
