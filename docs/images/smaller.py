"""Draws the pictures of `docs/why-smaller.md`: `python docs/images/smaller.py`, in the folder of the repository.

Everything in them is computed here: gradient descent with noise in a valley whose every expectation is known, and
lrscope's own controller at work in one.
"""

import io
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from lrscope.control import Action, Gap, Guarded, share
from lrscope.control.average import LONG_POWER, SHORT_POWER

LARGE, SMALL, AVERAGE, QUIET, INK = "#d9480f", "#1864ab", "#2b8a3e", "#adb5bd", "#343a40"
STYLE = {
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#868e96",
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "xtick.color": "#868e96",
    "ytick.color": "#868e96",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


class Valley(NamedTuple):
    """A quadratic loss, its gradients' noise, a rate and a start."""

    curvature: np.ndarray  # shape (d,)
    noise: float  # standard deviation in each coordinate
    lr: float
    start: np.ndarray  # shape (d,)


def descend(valley: Valley, steps: int, seed: int, rates: np.ndarray | None = None) -> np.ndarray:
    """The points that stochastic gradient descent goes through, start included: shape (steps + 1, d)."""
    rng = np.random.default_rng(seed)
    points = [valley.start]
    for t in range(steps):
        rate = valley.lr if rates is None else rates[t]
        gradient = valley.curvature * points[-1] + valley.noise * rng.normal(size=valley.start.size)
        points.append(points[-1] - rate * gradient)
    return np.array(points)


def height(valley: Valley, points: np.ndarray) -> np.ndarray:
    """The loss at points."""
    return points**2 @ valley.curvature / 2


def draw_valley() -> plt.Figure:
    """The same noise, two rates: the large one is thrown from slope to slope, the small one settles."""
    figure, panels = plt.subplots(1, 2, figsize=(9.2, 4.0), sharex=True, sharey=True)
    x, y = np.meshgrid(np.linspace(-3.4, 1.7, 300), np.linspace(-1, 1, 300))
    for panel, rate, colour, name in zip(
        panels, (0.088, 0.02), (LARGE, SMALL), ("large", "small"), strict=True
    ):
        valley = Valley(np.array([1.0, 20.0]), 3.0, rate, np.array([-3.0, 0.6]))
        points = descend(valley, 3000, seed=4)
        levels = np.sqrt(height(valley, np.stack([x, y], axis=-1)))
        panel.contourf(x, y, levels, np.linspace(0, 4, 11), cmap="bone_r", alpha=0.16, extend="max")
        panel.contour(x, y, levels, np.linspace(0, 4, 11)[1:], colors="white", linewidths=0.8)
        panel.plot(*points[:160].T, color=colour, lw=0.8, alpha=0.7)
        panel.plot(*points[:160].T, ".", color=colour, ms=3)
        panel.plot(*points[0], "o", color=INK, ms=7)
        panel.annotate("start", points[0], (-4, 9), textcoords="offset points", color=INK)
        mean = points[160:].mean(axis=0)
        panel.plot(*mean, "*", color=AVERAGE, ms=17, mec="white", mew=1.2, zorder=5)
        settled, middle = height(valley, points[160:]).mean(), height(valley, mean)
        panel.set_title(f"{name.capitalize()} rate, {rate:g}: the loss settles at {settled:.2g}")
        panel.text(-3.3, -0.95, f"★ average of later points: loss {middle:.1g}", color=AVERAGE, weight="bold")
        panel.set_xlabel("along the valley")
        panel.set_xticks([-3, -2, -1, 0, 1])
        panel.set_yticks([-0.5, 0, 0.5])
    panels[0].set_ylabel("across the valley")
    return figure


def draw_level() -> plt.Figure:
    """The loss over time: where a smaller rate helps at once, and where it comes too early."""
    figure, panels = plt.subplots(1, 2, figsize=(9.2, 3.7), sharey=True)
    curvature, start = np.array([0.1, 1.0, 10.0]), np.array([8.0, 2.0, 0.5])
    steps, rate, lower = 800, 0.12, 0.02
    for panel, change, title in zip(
        panels, (500, 40), ("On the plateau it helps", "Earlier it costs"), strict=True
    ):
        valley = Valley(curvature, 1.0, rate, start)
        rates = np.where(np.arange(steps) < change, rate, lower)
        panel.plot(height(valley, descend(valley, steps, 1)), color=LARGE, lw=0.6, alpha=0.35)
        low = height(valley, descend(valley, steps, 1, rates))
        panel.plot(np.arange(change, steps + 1), low[change:], color=SMALL, lw=0.6, alpha=0.45)
        kept, lowered = expected(valley, np.full(steps, rate)), expected(valley, rates)
        panel.plot(kept, color=LARGE, lw=2.2, label=f"rate {rate:g} throughout")
        panel.plot(
            np.arange(change, steps + 1),
            lowered[change:],
            color=SMALL,
            lw=2.2,
            label=f"{lower:g} from step {change}",
        )
        panel.axhline(floor(valley, rate), color=LARGE, lw=1, ls=":")
        panel.axhline(floor(valley, lower), color=SMALL, lw=1, ls=":")
        panel.axvline(change, color=QUIET, lw=1)
        panel.set_yscale("log")
        panel.set_ylim(0.008, 7)
        panel.set_title(title)
        panel.set_xlabel("step")
        panel.legend(loc="upper right")
    panels[0].set_ylabel("loss")
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
    for rate_, colour, words in (
        (rate, LARGE, "floor of the large rate"),
        (lower, SMALL, "floor of the small rate"),
    ):
        panels[0].text(4, floor(valley, rate_) * 0.86, words, color=colour, va="top", fontsize=9.5, bbox=box)
    return figure


def expected(valley: Valley, rates: np.ndarray) -> np.ndarray:
    """The expected loss after each step, exactly: means and variances step by step."""
    mean, variance = valley.start.copy(), np.zeros_like(valley.start)
    out = [height(valley, mean)]
    for rate in rates:
        keep = 1 - rate * valley.curvature
        mean, variance = keep * mean, keep**2 * variance + (rate * valley.noise) ** 2
        out.append(float(valley.curvature @ (mean**2 + variance)) / 2)
    return np.array(out)


def floor(valley: Valley, rate: float) -> float:
    """Where the expected loss ends up: half the sum of rate x noise^2 / (2 - rate x curvature)."""
    return float(np.sum(rate * valley.noise**2 / (2 - rate * valley.curvature)) / 2)


def draw_mirror() -> plt.Figure:
    """Two rates on one slope whose losses are the same, number by number."""
    figure, panels = plt.subplots(1, 3, figsize=(9.2, 3.1), width_ratios=[1, 1, 1.15])
    rng = np.random.default_rng(2)
    keep, steps = 0.75, 45
    kicks = rng.normal(size=steps)
    calm, jumping = [2.5], [2.5]
    for t, kick in enumerate(kicks):
        calm.append(keep * calm[-1] + 0.3 * kick)
        jumping.append(-keep * jumping[-1] + 0.3 * kick * (-1) ** (t + 1))
    calm, jumping = np.array(calm), np.array(jumping)
    for panel, path, colour, title in (
        (panels[0], calm, SMALL, "rate × curvature = 0.25"),
        (panels[1], jumping, LARGE, "rate × curvature = 1.75"),
    ):
        panel.axhline(0, color=QUIET, lw=1)
        panel.plot(path, color=colour, lw=1, marker=".", ms=4)
        panel.set_title(title)
        panel.set_xlabel("step")
        panel.set_ylim(-2.8, 2.8)
    panels[0].set_ylabel("weight")
    panels[2].plot(calm**2 / 2, color=SMALL, lw=4.5, alpha=0.45)
    panels[2].plot(jumping**2 / 2, color=LARGE, lw=1.2)
    panels[2].set_title("the loss: the same")
    panels[2].set_xlabel("step")
    panels[2].set_ylabel("loss")
    return figure


def controlled(valley: Valley, steps: int, seed: int) -> dict[str, list]:
    """A run in the hands of lrscope's controller, as a training loop without a framework would be written."""
    rng, control = np.random.default_rng(seed), Guarded(Gap())
    state, weights, taken = control.init(valley.lr), valley.start, 0
    averages = {LONG_POWER: weights, SHORT_POWER: weights}
    newest = proven = weights
    seen: dict[str, list] = {name: [] for name in ("rate", "loss", "averaged", "gap", "decision")}
    for step in range(1, steps + 1):
        noise, batch = rng.normal(size=(2, weights.size)) * valley.noise
        gap = None
        if taken and control.wants_gap(state, step):
            gap = loss_on(valley, weights, batch) - loss_on(valley, averages[LONG_POWER], batch)
            seen["gap"].append((step, gap))
        rate, loss = control.lr(state), loss_on(valley, weights, noise)
        weights = weights - rate * (valley.curvature * weights + noise)
        taken += 1
        averages = {p: a + share(taken, p) * (weights - a) for p, a in averages.items()}
        state, decision = control.update(state, step, loss, gap=gap)
        if decision is not None and decision.restore:
            weights, newest, taken = proven, proven, 0
            averages = dict.fromkeys(averages, weights)
        elif decision is None and control.wants_snapshot(state):
            newest, proven = weights, newest
            state = control.took_snapshot(state)
        if decision is not None and decision.action not in (Action.WARM, Action.COOL):
            seen["decision"].append(decision)
        seen["rate"].append(rate)
        seen["loss"].append(height(valley, weights))
        seen["averaged"].append(height(valley, averages[SHORT_POWER]))
    return seen


def draw_gap() -> plt.Figure:
    """The controller in a valley of 60 directions, from a start that is a hundred times too low."""
    steps = 3000
    valley = Valley(np.geomspace(0.1, 2, 60), 0.3, 0.003, np.full(60, 2.0))
    seen = controlled(valley, steps, seed=7)
    figure, (top, middle, bottom) = plt.subplots(
        3, 1, figsize=(9.2, 6.6), sharex=True, height_ratios=[1.2, 1, 0.9]
    )
    top.plot(height(valley, descend(valley, steps, 7)), color=QUIET, lw=1.6, label="the rate left as it was")
    top.plot(seen["loss"], color=LARGE, lw=0.8, label="under control, at the weights")
    top.plot(seen["averaged"], color=AVERAGE, lw=2, label="under control, at their average")
    top.set_yscale("log")
    top.set_ylabel("loss")
    top.legend(loc="upper right")
    top.set_title("The loss")
    at, value = np.array(seen["gap"]).T
    middle.axhline(0, color=INK, lw=0.8)
    for side, colour in ((value < 0, SMALL), (value >= 0, LARGE)):
        middle.plot(at[side], value[side], ".", color=colour, ms=4.5)
    middle.set_yscale("symlog", linthresh=0.1)
    middle.set_yticks([-10, -1, 0, 1], ["−10", "−1", "0", "1"])
    middle.minorticks_off()
    middle.set_ylabel("gap")
    middle.set_title("The gap: loss at the weights minus loss at their average, on one batch")
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
    words = {"transform": middle.transAxes, "ha": "right", "bbox": box}
    middle.text(0.995, 0.95, "above zero, noise holds the loss up: lower", va="top", color=LARGE, **words)
    middle.text(0.995, 0.06, "below zero, still on the way: raise", va="bottom", color=SMALL, **words)
    bottom.step(np.arange(steps), seen["rate"], color=INK, lw=1.4)
    for action, marker, colour in (
        (Action.RAISE, "^", SMALL),
        (Action.LOWER, "v", LARGE),
        (Action.ROLL_BACK, "X", INK),
    ):
        shown = [(d.step, d.lr) for d in seen["decision"] if d.action is action]
        if shown:
            label = str(action).replace("_", " ")
            bottom.plot(*zip(*shown, strict=True), marker, color=colour, ms=7, ls="", label=label)
    bottom.set_yscale("log")
    bottom.set_ylabel("rate")
    bottom.set_xlabel("step")
    bottom.set_title("What the controller does")
    bottom.legend(loc="lower right", ncols=3)
    return figure


def loss_on(valley: Valley, weights: np.ndarray, tilt: np.ndarray) -> float:
    """The loss on one batch, whose noise tilts the valley."""
    return float(valley.curvature @ weights**2 / 2 + tilt @ weights)


def main() -> None:
    """Draw and save all of them."""
    with mpl.rc_context(STYLE):
        for name, draw in (
            ("valley", draw_valley),
            ("level", draw_level),
            ("mirror", draw_mirror),
            ("gap", draw_gap),
        ):
            picture = io.BytesIO()
            draw().savefig(picture, dpi=130)
            path = Path(__file__).with_name(f"smaller-{name}.png")
            Image.open(picture).convert("RGB").save(path, optimize=True)


if __name__ == "__main__":
    main()
