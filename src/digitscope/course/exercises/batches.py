"""The exercises on batches and accuracy, with PyTorch's tensors."""

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from digitscope.course.exercises.judging import (
    Exercise,
    Failure,
    UnusableOutputError,
    a_type,
    in_words,
    number,
    same,
)

# Batches

Examples = tuple[NDArray[np.float32], NDArray[np.int64], int]
"""Examples to group: x (n, ...), labels y (n,) or (2, n), and the size of a batch."""


def _examples(generator: np.random.Generator) -> list[list[Examples]]:
    """Return the cases with one label an image, and with two, as the two parts of the course have them."""
    shapes = ((6, 2, (3,)), (7, 3, (3,)), (12, 4, (2, 3)), (5, 5, (1, 4, 2)), (23, 5, (4,)), (16, 2, (3,)))
    drawn = [(generator.random((n, *shape), dtype=np.float32), n, size) for n, size, shape in shapes]
    return [[(x, generator.integers(0, 10, size=(*two, n)), size) for x, n, size in drawn] for two in ((), (2,))]


def _cut(case: Examples, starts: Iterable[int] | None = None, length: int | None = None) -> list[tuple[Any, Any]]:
    """Return a batch from each of `starts`: by default the right batches."""
    x, y, size = case
    starts = range(0, len(x) - size + 1, size) if starts is None else starts
    return [(x[i : i + (length or size)], y[..., i : i + (length or size)]) for i in starts]


def _batchify(solution: Any, case: Examples) -> Any:
    """Return the batches as pairs of arrays, and None for None."""
    output = solution(*case)
    if output is None:
        return None
    if not isinstance(output, list | tuple):
        more = " that is empty after one epoch" if inspect.isgenerator(output) else ""
        raise UnusableOutputError(f"returns {a_type(output)}{more}: expected a list of batches.")
    for batch in output:
        if not isinstance(batch, Mapping) or set(batch) != {"x", "y"}:
            got = f"the keys {', '.join(map(repr, batch))}" if isinstance(batch, Mapping) else a_type(batch)
            raise UnusableOutputError(f'makes a batch of {got}: expected a dictionary with the keys "x" and "y".')
        for key in ("x", "y"):
            if not isinstance(batch[key], Tensor):
                raise UnusableOutputError(f'puts {a_type(batch[key])} into "{key}": expected a tensor.')
    for batch in output:
        x_type, y_type = batch["x"].dtype, batch["y"].dtype
        if x_type != torch.float32:
            raise UnusableOutputError(f'makes "x" {x_type}: the weights of a network are {torch.float32}.')
        if y_type != torch.int64:
            raise UnusableOutputError(f'makes "y" {y_type}: cross-entropy takes labels as {torch.int64}.')
    return [(batch["x"].numpy(), batch["y"].numpy()) for batch in output]


def _rows(labels: NDArray[Any]) -> Counter[tuple[Any, ...]]:
    """Return how often each label occurs, or each pair of labels."""
    return Counter(map(tuple, np.atleast_2d(labels).T.tolist()))


def _has_moved(cases: Sequence[Examples], outputs: Sequence[Any], *, together: bool) -> bool:
    """Return whether whole batches hold images and labels of the data, each at most once, in another order.

    Args:
        cases: the examples of each call.
        outputs: the batches of each call.
        together: whether each image has its own label; otherwise some have another's.
    """
    matches = []
    for case, output in zip(cases, outputs, strict=True):
        images, given, _ = case
        shapes = [(x.shape, y.shape) for x, y in _cut(case)]
        if not isinstance(output, list) or [(x.shape, y.shape) for x, y in output] != shapes:
            return False
        place = {image.tobytes(): i for i, image in enumerate(images)}
        found = [place.get(image.tobytes(), -1) for x, _ in output for image in x]
        labels = np.concatenate([y for _, y in output], axis=-1)
        if min(found) < 0 or len(set(found)) < len(found) or _rows(labels) - _rows(given):
            return False
        matches.append(np.array_equal(labels, given[..., found]))
    return all(matches) is together


def _batch_mistakes(case: Examples) -> dict[str, Any]:
    x, y, size = case
    n, right = len(x), _cut(case)
    n_batches = n // size
    return {
        "The last batch may be short: the exercise drops the remainder.": _cut(case, range(0, n, size)),
        "The remainder is dropped at the front: the first batch starts with the first example.": (
            _cut(case, range(n % size, n, size))
        ),
        "A whole batch is missing at the end: look at where the range of the starts stops.": (
            _cut(case, range(0, n - size, size))
        ),
        "The first batch is missing: look at where the range of the starts begins.": right[1:],
        "Each batch lacks its last example: the end of a slice is not part of it.": _cut(case, length=size - 1),
        "Each batch has one example too many, the first of the next: look at the end of the slice.": (
            _cut(case, length=size + 1)
        ),
        "The batches overlap, each one example further on: look at the step of the range.": (
            _cut(case, range(n - size + 1))
        ),
        "The batches overlap and get short at the end: look at the step of the range.": _cut(case, range(n)),
        "The batches start at 0, 1, 2 and so on: the number of a batch is not the place of its first example.": (
            _cut(case, range(n_batches))
        ),
        "Every batch is the first one: the slice does not move with the loop.": right[:1] * n_batches,
        "Each batch holds one example: look at what you append.": _cut(case, range(n), 1),
        "There are as many batches as a batch should have examples: size and number are mixed up.": (
            _cut(case, range(0, n_batches * size, n_batches), n_batches)
        ),
        "There is one batch only: return stands inside the loop.": right[:1],
        "Only the last batch is there: the list is made anew in each round of the loop.": right[-1:],
        "All examples are one batch: batch_size is not used.": [(x, y)],
        "The list is empty: nothing is appended to it.": [],
        "The labels are not cut into batches: each batch has all of them.": [(part, y) for part, _ in right],
        "The images are not cut into batches: each batch has all of them.": [(x, part) for _, part in right],
        "The labels are shifted against the images by one: look at their two slices.": [
            (x[i : i + size], y[..., i + 1 : i + 1 + size]) for i in range(0, n - size + 1, size)
        ],
        "Each batch takes examples that lie apart: slice with a start and an end, not with a step.": [
            (x[i::n_batches], y[..., i::n_batches]) for i in range(n_batches)
        ],
    }


def _wrong_batches(output: Any, answer: list[tuple[Any, Any]]) -> str:
    if len(output) != len(answer):
        return f"returns {len(output)} batches: expected {len(answer)} whole ones."
    for i, batches in enumerate(zip(output, answer, strict=True)):
        for key, ours, right in zip("xy", *batches, strict=True):
            if ours.shape != right.shape:
                return f'gives "{key}" of batch {i} the shape {ours.shape}: expected {right.shape}.'
            if not same(ours, right):
                return f'puts wrong values into "{key}" of batch {i}: print it beside the data.'
    raise AssertionError


BATCHIFY = Exercise(
    call="batchify",
    variants=_examples,
    run=_batchify,
    answer=_cut,
    shown=lambda case: f" of {len(case[0])} examples in batches of {case[2]}",
    mistakes=_batch_mistakes,
    signs={
        "The examples are shuffled: here they keep their order.": partial(_has_moved, together=True),
        "Images and labels no longer belong together: each image keeps its own label.": (
            partial(_has_moved, together=False)
        ),
    },
    differs=_wrong_batches,
)


# Accuracy

Labels = tuple[Tensor, Tensor]


def _labels(generator: np.random.Generator) -> list[list[Labels]]:
    cases = [(torch.tensor([3, 1, 4, 1]), torch.tensor([3, 1, 4, 5]))]
    for n, n_wrong in ((5, 0), (4, 4), (10, 4), (32, 9), (50, 20), (7, 2), (8, 6)):
        y = generator.integers(0, 10, size=n)
        predictions = y.copy()
        predictions[:n_wrong] = (y[:n_wrong] + generator.integers(1, 10, size=n_wrong)) % 10
        order = generator.permutation(n)
        cases.append((torch.tensor(predictions[order]), torch.tensor(y[order])))
    return [cases]


def _hits(case: Labels) -> NDArray[np.bool_]:
    predictions, y = case
    return np.asarray(predictions.numpy() == y.numpy())


def _is_divided_by_a_constant(cases: Sequence[Labels], outputs: Sequence[Any]) -> bool:
    """Return whether the outputs are the numbers of hits, all divided by the same number."""
    if not all(isinstance(each, np.ndarray) and each.shape == () for each in outputs):
        return False
    hits = np.array([_hits(case).sum() for case in cases])
    given = np.array(outputs, dtype=np.float64)
    return bool(given[0] > 0 and np.allclose(given, hits * given[0] / hits[0]))


def _takes_argmax_of_rows(_: Sequence[Labels], outputs: Sequence[Any]) -> bool:
    """Return whether argmax, or max with indices, fails for want of a second axis."""
    return all(
        isinstance(each, Failure) and re.search(r"Dimension out of range.*max\(", each.raised) for each in outputs
    )


ARGMAX = "argmax is taken of the predictions: they are labels already."


def _accuracy_mistakes(case: Labels) -> dict[str, Any]:
    predictions, y = (labels.numpy() for labels in case)
    hits = predictions == y
    share, n_right, n_wrong = hits.mean(), hits.sum(), (~hits).sum()
    distances = np.abs(predictions - y)
    return {
        "The result is the number of right predictions: relate it to how many there are.": n_right,
        "The result is a percentage: the share lies between 0 and 1.": 100 * share,
        "The result is the share of wrong predictions: look at the comparison.": 1 - share,
        "The result is the number of wrong predictions: look at the comparison and at the mean.": n_wrong,
        "The fraction is lost: dividing whole numbers, int() or comparing whole tensors leaves 0 or 1.": (
            hits.all()
        ),
        "The result says whether any prediction is right: the exercise asks for the share.": hits.any(),
        "The result is rounded to 0 or 1: the exercise asks for the share itself.": round(share),
        "The mean is missing: the result has one value for each prediction.": hits,
        "Only the first prediction is compared: return stands inside the loop, or an index is fixed.": hits[0],
        "Only the last prediction counts: something is overwritten in each round of the loop.": hits[-1],
        ARGMAX: predictions.argmax() == y.argmax(),
        "argmax is taken of the predictions, and y is compared with its one result: the predictions are labels.": (
            (predictions.argmax() == y).mean()
        ),
        "The result is a mean distance between labels: 3 is not nearer to 4 than to 9.": distances.mean(),
        "The result is a mean squared distance between labels: labels are names, and not amounts.": (
            (distances**2).mean()
        ),
        "The mean is taken of the predictions, which are not compared with y.": predictions.mean(),
        "The right ones are related to the wrong ones, and not to all.": n_right / n_wrong if n_wrong else np.inf,
        "The number is divided by one too few: look at what you divide by.": n_right / (len(y) - 1),
        "Every result is 0: == compares elements, and `is` or a comparison of whole tensors does not.": 0,
        "Every result is 1: y is compared with itself, or nothing is compared.": 1,
    }


ACCURACY = Exercise(
    call="accuracy",
    variants=_labels,
    run=lambda solution, case: number(solution(*case)),
    answer=lambda case: _hits(case).mean(),
    shown=lambda case: f" of {in_words(case[0].numpy())} against {in_words(case[1].numpy())}",
    mistakes=_accuracy_mistakes,
    signs={
        ARGMAX: _takes_argmax_of_rows,
        "The number of right predictions is divided by a fixed number: how many predictions are there?": (
            _is_divided_by_a_constant
        ),
    },
)


# Flattening


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


def _flat(images: Tensor) -> Any:
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


def _keeps(axis: int | None, cases: Sequence[Tensor], outputs: Sequence[Any]) -> bool:
    """Return whether the shapes are right, and the values too if they are sorted along `axis`, or all of them."""
    return all(
        isinstance(output, np.ndarray)
        and output.shape == _flat(case).shape
        and same(np.sort(output, axis=axis), np.sort(_flat(case), axis=axis))
        for case, output in zip(cases, outputs, strict=True)
    )


def _flatten_mistakes(images: Tensor) -> dict[str, Any]:
    t, flat = images.numpy(), _flat(images)
    return {
        "All images end in one long row: the first axis, which counts the images, must stay.": t.reshape(-1),
        "All images end in one row of a matrix: keep one row for each image.": t.reshape(1, -1),
        "Everything ends in one column: keep one row for each image.": t.reshape(-1, 1),
        "Rows and columns are swapped: the images should be counted by the first axis.": t.reshape(-1, len(t)),
        "The result is transposed: the images should be counted by the first axis.": flat.T,
        "The axis of the channels is left: it is part of an image too.": t.reshape(*t.shape[:2], -1),
        "Only the axes of length 1 are gone: the others are to be joined.": t.squeeze(),
        "The images and their first axis are joined, and the rest is left: start one axis later.": (
            t.reshape(-1, *t.shape[2:])
        ),
        "The images come back as they are: nothing is flattened.": t,
        "Each image becomes a single number: flattening keeps all values.": flat.mean(axis=1),
        "Negative values become 0: flattening keeps all values as they are.": np.maximum(flat, 0),
        "Only the first image is left: keep one row for each image.": flat[0],
        "Only the first channel is left: an image has all its channels.": t[:, 0].reshape(len(t), -1),
    }


FLATTEN = Exercise(
    call="flatten",
    variants=_images,
    run=_flatten,
    answer=_flat,
    shown=lambda images: f" of shape {tuple(images.shape)}",
    mistakes=_flatten_mistakes,
    signs={
        "It works for one size of image only: a number in your code should come from the input's shape.": (
            _has_fixed_size
        ),
        "The values of each image are there, but in another order: join the axes as they are.": partial(_keeps, 1),
        "The shape is right, but the rows mix pixels of several images: an axis is moved before.": (
            partial(_keeps, None)
        ),
    },
)

EXERCISES = MappingProxyType({"batchify": BATCHIFY, "accuracy": ACCURACY, "flatten": FLATTEN})
