"""The exercise on flattening: a layer that makes each image of a batch one row."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from digitscope.course.exercises.judging import (
    Exercise,
    Failure,
    Mistake,
    UnusableOutputError,
    Verdict,
    a_type,
    judge,
    same,
    simulated,
)


def _images(generator: np.random.Generator) -> list[list[Tensor]]:
    shapes = ((2, 1, 28, 28), (3, 2, 4, 5), (5, 64, 5, 5), (1, 3, 2, 2), (4, 5, 3, 6), (3, 1, 1, 4))
    return [[torch.from_numpy(generator.standard_normal(shape, dtype=np.float32)) for shape in shapes]]


def _flatten(solution: Any, images: Tensor) -> Any:
    layer: Any = solution() if inspect.isclass(solution) else solution
    output = layer(images.requires_grad_())
    if output is None:
        return None
    if not isinstance(output, Tensor):
        raise UnusableOutputError(f"returns {a_type(output)}: expected a tensor.")
    if not output.requires_grad:
        raise UnusableOutputError("cuts the gradient off: detach, data or NumPy have no place in a layer.")
    return output.detach().numpy()


def _rows(images: Tensor) -> Any:
    return images.numpy().reshape(len(images), -1)


def _has_fixed_size(cases: Sequence[Tensor], outputs: Sequence[Any]) -> bool:
    """Return whether the number of columns is the same for all images that it divides."""
    columns = {output.shape[1] for output in outputs if isinstance(output, np.ndarray) and output.ndim == 2}
    if len(columns) != 1 or len(cases) != len(outputs):
        return False
    (size,) = columns
    return all(
        same(output, case.numpy().reshape(-1, size)) if case.numel() % size == 0 else isinstance(output, Failure)
        for case, output in zip(cases, outputs, strict=True)
    )


def _keeps_rows(how: Callable[[Any, Any], bool]) -> Callable[[Sequence[Tensor], Sequence[Any]], bool]:
    """Return a check that the shapes are right, and `how` holds for all outputs and right rows."""
    return lambda cases, outputs: all(
        isinstance(output, np.ndarray) and output.shape == _rows(case).shape and how(output, _rows(case))
        for case, output in zip(cases, outputs, strict=True)
    )


FLAT: Mapping[str, Callable[[Tensor], Any]] = {
    "All images end in one long row: the first axis, which counts the images, must stay.": (
        lambda t: t.numpy().reshape(-1)
    ),
    "All images end in one row of a matrix: keep one row for each image.": lambda t: t.numpy().reshape(1, -1),
    "Everything ends in one column: keep one row for each image.": lambda t: t.numpy().reshape(-1, 1),
    "Rows and columns are swapped: the images should be counted by the first axis.": (
        lambda t: t.numpy().reshape(-1, len(t))
    ),
    "The result is transposed: the images should be counted by the first axis.": lambda t: _rows(t).T,
    "The axis of the channels is left: it is part of an image too.": lambda t: t.flatten(2).numpy(),
    "Only the axes of length 1 are gone: the others are to be joined.": lambda t: t.squeeze().numpy(),
    "The images and their first axis are joined, and the rest is left: start one axis later.": (
        lambda t: t.numpy().reshape(-1, *t.shape[2:])
    ),
    "The images come back as they are: nothing is flattened.": lambda t: t.numpy(),
    "Each image becomes a single number: flattening keeps all values.": (
        lambda t: t.numpy().reshape(len(t), -1).mean(axis=1)
    ),
    "Negative values become 0: flattening keeps all values as they are.": lambda t: _rows(t.relu()),
    "Only the first image is left: keep one row for each image.": lambda t: _rows(t)[0],
    "Only the first channel is left: an image has all its channels.": lambda t: (
        t[:, 0].numpy().reshape(len(t), -1)
    ),
}

FLATTEN = Exercise(
    call="flatten",
    variants=_images,
    run=_flatten,
    answer=_rows,
    shown=lambda images: f" of shape {tuple(images.shape)}",
    mistakes=[
        *simulated(FLAT),
        Mistake(
            "It works for one size of image only: a number in your code should come from the input's shape.",
            shows=_has_fixed_size,
        ),
        Mistake(
            "The values of each image are there, but in another order: join the axes as they are.",
            shows=_keeps_rows(lambda output, right: same(np.sort(output, axis=1), np.sort(right, axis=1))),
        ),
        Mistake(
            "The shape is right, but the rows mix pixels of several images: an axis is moved before.",
            shows=_keeps_rows(lambda output, right: same(np.sort(output, axis=None), np.sort(right, axis=None))),
        ),
    ],
)

EXERCISES = MappingProxyType({"flatten": FLATTEN})


def verdict(name: str, solution: Any) -> Verdict:
    """Return the verdict on a solution of the exercise called `name`."""
    return judge(name, EXERCISES[name], solution)
