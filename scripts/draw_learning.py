"""Draws the animations of chapters 3 and 4: weights moving, and a boundary forming.

Usage: python -m scripts.draw_learning
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from digitscope.course.neural_nets import NeuralNetwork
from digitscope.plots.style import INK, MUTED, OKABE_ITO, new_figure, quiet_axes
from digitscope.scratch import Layer, backward, forward, init_layers, sgd_step, softmax_cross_entropy, zeros_like

IMAGES = Path(__file__).parent.parent / "src" / "digitscope" / "course" / "chapters" / "images"
BLUE, ORANGE = OKABE_ITO[:2]
DPI, COLOURS = 80, 32
FIRST_SHOWN, STEPS = 10, 2000
FRAME_MS, LAST_FRAME_MS = 130, 3000


def main() -> None:
    """Draw both files."""
    IMAGES.mkdir(exist_ok=True)
    draw_weights()
    draw_boundary()


def draw_weights() -> None:
    """Draw the weights of the 2-3-1 network and its slopes on the cost, over 3,000 epochs."""
    weights = trained_weights(3000)
    slopes = 3 * weights[:, 3:] * weights[:, :2]
    figure = new_figure(9, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.15, top=0.88, wspace=0.2)

    def draw(step: int) -> None:
        left.clear()
        names = ("$w^1_{j1}$", "$w^1_{j2}$", "$b^1_j$", "$w^2_{1j}$")
        left.barh(names, weights[step], color=(BLUE, BLUE, MUTED, ORANGE), height=0.6)
        for row, value in enumerate(weights[step]):
            left.text(max(value, 0) + 0.03, row, f"{value:.3f}", va="center", color=INK)
        left.set(xlim=(-0.15, 1.45), title=f"after {step // 4} epochs" if step >= 4 else f"after {step} steps")
        left.invert_yaxis()
        quiet_axes(left)
        left.grid(visible=False)
        right.clear()
        s1, s2 = np.meshgrid(np.linspace(2.7, 3.7, 101), np.linspace(2.7, 4.3, 101))
        points = NeuralNetwork().training_points
        cost = sum(0.5 * (s1 * x1 + s2 * x2 - y) ** 2 for (x1, x2), y in points)
        right.contour(s1, s2, cost, levels=np.geomspace(0.02, 40, 12), colors="#b8b8b4", linewidths=0.8)
        path = slopes[: step + 1]
        right.plot(*np.concatenate([path[:4], path[4::4]]).T, color=BLUE, linewidth=2)  # no zigzag within epochs
        right.plot(*slopes[step], "o", color=ORANGE, markersize=9)
        right.plot(3, 4, "x", color=INK, markersize=9)
        right.text(3.03, 4.05, "cost 0", color=INK)
        right.set(xlabel="slope $s_1$", ylabel="slope $s_2$", title="slopes, and lines of equal cost")
        right.spines[["top", "right"]].set_visible(False)

    steps = [0, 1, 2, 3, *np.unique(np.geomspace(4, 12000, 44).astype(int) // 4 * 4)]
    animate(figure, draw, steps, IMAGES / "weights-moving.gif")


def trained_weights(epochs: int) -> np.ndarray:
    """Return w1_j1, w1_j2, b1_j and w2_1j, the same for all j, at first and after each step: (steps + 1, 4)."""
    network = NeuralNetwork()

    def row() -> list[float]:
        w, b, v = network.input_to_hidden_weights, network.biases, network.hidden_to_output_weights
        return [*w[0], b[0, 0], v[0, 0]]

    rows = [row()]
    for _ in range(epochs):
        for (x1, x2), y in network.training_points:
            network.train(x1, x2, y)
            rows.append(row())
    return np.array(rows)


def draw_boundary() -> None:
    """Draw the boundary of chapter 4's network with 64 hidden neurons, and its losses, while it trains."""
    generator = np.random.default_rng(0)
    points, classes = disc(80, generator)
    new_points, new_classes = disc(1000, generator)
    axis = np.linspace(-2, 2, 81)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)

    layers = init_layers((2, 64, 2), generator=np.random.default_rng(1), dtype=np.float64)
    velocities = zeros_like(layers)
    steps = np.unique(np.geomspace(FIRST_SHOWN, STEPS, 50).astype(int))
    boundaries, losses = {}, []
    for step in range(STEPS + 1):
        activations = forward(layers, points, "relu")
        loss, output_gradient = softmax_cross_entropy(activations[-1], np.eye(2)[classes])
        new_loss, _ = softmax_cross_entropy(forward(layers, new_points, "relu")[-1], np.eye(2)[new_classes])
        losses.append((loss, new_loss))
        if step in steps:
            boundaries[step] = probability_inside(layers, grid)
        gradients = backward(layers, activations, output_gradient, "relu")
        sgd_step(layers, gradients, velocities, learning_rate=0.05, momentum=0.9)

    history = np.array(losses)
    best = int(history[:, 1].argmin())
    figure = new_figure(9, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    figure.subplots_adjust(left=0.05, right=0.98, bottom=0.15, top=0.88, wspace=0.2)

    def draw(step: int) -> None:
        left.clear()
        inside = boundaries[step].reshape(81, 81)
        left.contourf(axis, axis, inside, levels=(0, 0.5, 1), colors=("#f6dcc8", "#cfe3f2"))
        for value, colour in ((1, BLUE), (0, ORANGE)):
            left.scatter(*points[classes == value].T, s=14, color=colour)
        left.set(title=f"after {step} steps", xticks=[], yticks=[], aspect="equal")
        right.clear()
        for values, colour, name in zip(history.T, (BLUE, ORANGE), ("training", "validation"), strict=True):
            right.plot(
                np.arange(1, step + 1), values[1 : step + 1], color=colour, linewidth=2, label=f"{name} loss"
            )
        if step >= best:
            right.axvline(best, color=INK, linewidth=0.8, linestyle=":")
            right.text(best * 1.1, 1.15, "lowest validation loss", color=INK)
        right.set(xscale="log", xlim=(FIRST_SHOWN, STEPS), ylim=(0, 1.25), xlabel="step", title="loss")
        quiet_axes(right)
        right.legend(frameon=False, loc="lower left")

    animate(figure, draw, steps, IMAGES / "boundary-forming.gif")


def disc(n: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return n points (n, 2) of a square and whether each is inside a disc (n,), one label in ten wrong."""
    points = generator.uniform(-2, 2, (n, 2))
    inside = np.hypot(points[:, 0], points[:, 1]) < 1.4
    wrong = generator.random(n) < 0.1
    return points, (inside ^ wrong).astype(int)


def probability_inside(layers: list[Layer], points: np.ndarray) -> np.ndarray:
    """Return the probability (n,) that the network gives to "inside" at each of the points (n, 2)."""
    outputs = forward(layers, points, "relu")[-1]
    return 1 / (1 + np.exp(outputs[:, 0] - outputs[:, 1]))


def animate(figure: Figure, draw: Callable[[int], None], steps: Iterable[int], path: Path) -> None:
    """Write one frame a step to `path`, with one small palette for all of them, so that the file stays small."""
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(DPI)
    frames = []
    for step in steps:
        draw(int(step))
        canvas.draw()
        frames.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
    palette = frames[-1].quantize(COLOURS)
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    durations = [FRAME_MS] * len(others) + [LAST_FRAME_MS]
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, optimize=True)


if __name__ == "__main__":
    main()
