"""The exercises on batches and accuracy, with PyTorch's tensors."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from digitscope.course.exercises.judging import (
    Exercise,
    Failure,
    Mistake,
    UnusableOutputError,
    Verdict,
    a_type,
    in_words,
    judge,
    number,
    same,
    simulated,
)

# Batches


@dataclass(frozen=True)
class Examples:
    """Examples to group: x (n, ...), labels y (n,) or (2, n), and the size of a batch."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    size: int

    @property
    def n(self) -> int:
        """The number of examples."""
        return len(self.x)

    def at(self, *parts: Any) -> list[tuple[Any, Any]]:
        """Return a batch for each of `parts`, slices or index arrays of the examples."""
        return [(self.x[part], self.y[..., part]) for part in parts]

    def slices(self, starts: Iterable[int], length: int | None = None) -> list[tuple[Any, Any]]:
        """Return a batch of `length` examples, `size` by default, from each of `starts`."""
        return self.at(*(slice(start, start + (self.size if length is None else length)) for start in starts))


def _examples(generator: np.random.Generator) -> list[list[Examples]]:
    """Return the cases with one label an image, as part 2 of the course has them, and with two."""
    shapes = ((6, 2, (3,)), (7, 3, (3,)), (12, 4, (2, 3)), (5, 5, (1, 4, 2)), (23, 5, (4,)), (16, 2, (3,)))
    drawn = [(generator.random((n, *shape), dtype=np.float32), n, size) for n, size, shape in shapes]
    return [
        [Examples(x, generator.integers(0, 10, size=(*two, n)), size) for x, n, size in drawn]
        for two in ((), (2,))
    ]


def _whole(e: Examples) -> range:
    return range(0, e.n - e.size + 1, e.size)


def _batchify(solution: Any, e: Examples) -> Any:
    """Return the batches as pairs of arrays, and None for None."""
    output = solution(e.x, e.y, e.size)
    if output is None:
        return None
    if not isinstance(output, list | tuple):
        more = " that is empty after one epoch" if inspect.isgenerator(output) else ""
        raise UnusableOutputError(f"returns {a_type(output)}{more}: expected a list of batches.")
    pairs = []
    for batch in output:
        if not isinstance(batch, Mapping) or set(batch) != {"x", "y"}:
            got = f"the keys {', '.join(map(repr, batch))}" if isinstance(batch, Mapping) else a_type(batch)
            raise UnusableOutputError(f'makes a batch of {got}: expected a dictionary with the keys "x" and "y".')
        for key in ("x", "y"):
            if not isinstance(batch[key], Tensor):
                raise UnusableOutputError(f'puts {a_type(batch[key])} into "{key}": expected a tensor.')
        pairs.append((batch["x"], batch["y"]))
    arrays = [(x.numpy().astype(np.float64), y.numpy().astype(np.float64)) for x, y in pairs]
    kinds = {(x.dtype, y.dtype) for x, y in pairs} - {(torch.float32, torch.int64)}
    for x_type, y_type in kinds:
        if x_type != torch.float32:
            raise UnusableOutputError(f'makes "x" {x_type}: the weights of a network are {torch.float32}.')
        raise UnusableOutputError(f'makes "y" {y_type}: cross-entropy takes labels as {torch.int64}.')
    return arrays


def _has_moved(*, together: bool) -> Callable[[Sequence[Examples], Sequence[Any]], bool]:
    """Return a check that whole batches hold images and labels of the data, each at most once, in another order.

    Args:
        together: whether each image has its own label; otherwise some have another's.
    """

    def shows(cases: Sequence[Examples], outputs: Sequence[Any]) -> bool:
        matches = []
        for case, output in zip(cases, outputs, strict=True):
            right = case.slices(_whole(case))
            if not isinstance(output, list) or [(x.shape, y.shape) for x, y in output] != [
                (x.shape, y.shape) for x, y in right
            ]:
                return False
            place = {image.tobytes(): i for i, image in enumerate(case.x.astype(np.float64))}
            found = [place.get(image.tobytes(), -1) for x, _ in output for image in x]
            labels = np.concatenate([y for _, y in output], axis=-1)
            given, had = (Counter(map(tuple, np.atleast_2d(each).T.tolist())) for each in (labels, case.y))
            if min(found) < 0 or len(set(found)) < len(found) or given - had:
                return False
            matches.append(np.array_equal(labels, case.y[..., found]))
        return all(matches) is together

    return shows


def _differs(output: Any, answer: list[tuple[Any, Any]]) -> str:
    if output is None:
        return "returns None: did you forget return?"
    if len(output) != len(answer):
        return f"returns {len(output)} batches: expected {len(answer)} whole ones."
    for i, ((x, y), (right_x, right_y)) in enumerate(zip(output, answer, strict=True)):
        for key, ours, right in (("x", x, right_x), ("y", y, right_y)):
            if ours.shape != right.shape:
                return f'gives "{key}" of batch {i} the shape {ours.shape}: expected {right.shape}.'
            if not same(ours, right):
                return f'puts wrong values into "{key}" of batch {i}: print it beside the data.'
    raise AssertionError


BATCHES: Mapping[str, Callable[[Examples], Any]] = {
    "The last batch may be short: the exercise drops the remainder.": lambda e: e.slices(range(0, e.n, e.size)),
    "The remainder is dropped at the front: the first batch starts with the first example.": (
        lambda e: e.slices(range(e.n % e.size, e.n, e.size))
    ),
    "A whole batch is missing at the end: look at where the range of the starts stops.": (
        lambda e: e.slices(range(0, e.n - e.size, e.size))
    ),
    "The first batch is missing: look at where the range of the starts begins.": (
        lambda e: e.slices(range(e.size, e.n - e.size + 1, e.size))
    ),
    "Each batch lacks its last example: the end of a slice is not part of it.": (
        lambda e: e.slices(_whole(e), e.size - 1)
    ),
    "Each batch has one example too many, the first of the next: look at the end of the slice.": (
        lambda e: e.slices(_whole(e), e.size + 1)
    ),
    "The batches overlap, each one example further on: look at the step of the range.": (
        lambda e: e.slices(range(e.n - e.size + 1))
    ),
    "The batches overlap and get short at the end: look at the step of the range.": (
        lambda e: e.slices(range(e.n))
    ),
    "The batches start at 0, 1, 2 and so on: the number of a batch is not the place of its first example.": (
        lambda e: e.slices(range(len(_whole(e))))
    ),
    "Every batch is the first one: the slice does not move with the loop.": lambda e: e.slices(
        [0] * len(_whole(e))
    ),
    "Each batch holds one example: look at what you append.": lambda e: e.slices(range(e.n), 1),
    "There are as many batches as a batch should have examples: size and number are mixed up.": (
        lambda e: e.slices(range(0, e.n // e.size * e.size, e.n // e.size), e.n // e.size)
    ),
    "There is one batch only: return stands inside the loop.": lambda e: e.slices([0]),
    "Only the last batch is there: the list is made anew in each round of the loop.": (
        lambda e: e.slices(_whole(e))[-1:]
    ),
    "All examples are one batch: batch_size is not used.": lambda e: e.at(slice(None)),
    "The list is empty: nothing is appended to it.": lambda _: [],
    "The labels are not cut into batches: each batch has all of them.": (
        lambda e: [(x, e.y) for x, _ in e.slices(_whole(e))]
    ),
    "The images are not cut into batches: each batch has all of them.": (
        lambda e: [(e.x, y) for _, y in e.slices(_whole(e))]
    ),
    "The labels are shifted against the images by one: look at their two slices.": (
        lambda e: [(e.x[i : i + e.size], e.y[..., i + 1 : i + 1 + e.size]) for i in _whole(e)]
    ),
    "Each batch takes examples that lie apart: slice with a start and an end, not with a step.": (
        lambda e: e.at(*(slice(i, None, e.n // e.size) for i in range(e.n // e.size)))
    ),
}

BATCHIFY = Exercise(
    call="batchify",
    variants=_examples,
    run=_batchify,
    answer=lambda e: e.slices(_whole(e)),
    shown=lambda e: f" of {e.n} examples in batches of {e.size}",
    mistakes=[
        *simulated(BATCHES),
        Mistake(
            "The examples are shuffled: here they keep their order.",
            shows=_has_moved(together=True),
        ),
        Mistake(
            "Images and labels no longer belong together: each image keeps its own label.",
            shows=_has_moved(together=False),
        ),
    ],
    differs=_differs,
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


def _share(case: Labels) -> float:
    return float(np.mean(_hits(case)))


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

ACCURACIES: Mapping[str, Callable[[Labels], Any]] = {
    "The result is the number of right predictions: relate it to how many there are.": lambda c: _hits(c).sum(),
    "The result is a percentage: the share lies between 0 and 1.": lambda c: 100 * _share(c),
    "The result is the share of wrong predictions: look at the comparison.": lambda c: 1 - _share(c),
    "The result is the number of wrong predictions: look at the comparison and at the mean.": (
        lambda c: (~_hits(c)).sum()
    ),
    "The fraction is lost: dividing whole numbers, int() or comparing whole tensors leaves 0 or 1.": lambda c: (
        float(_hits(c).all())
    ),
    "The result says whether any prediction is right: the exercise asks for the share.": (
        lambda c: float(_hits(c).any())
    ),
    "The result is rounded to 0 or 1: the exercise asks for the share itself.": lambda c: float(round(_share(c))),
    "The mean is missing: the result has one value for each prediction.": lambda c: _hits(c),
    "Only the first prediction is compared: return stands inside the loop, or an index is fixed.": (
        lambda c: float(_hits(c)[0])
    ),
    "Only the last prediction counts: something is overwritten in each round of the loop.": (
        lambda c: float(_hits(c)[-1])
    ),
    ARGMAX: lambda c: float(c[0].argmax() == c[1].argmax()),
    "argmax is taken of the predictions, and y is compared with its one result: the predictions are labels.": (
        lambda c: (c[0].argmax(dim=-1) == c[1]).double().mean()
    ),
    "The result is a mean distance between labels: 3 is not nearer to 4 than to 9.": (
        lambda c: (c[0] - c[1]).abs().double().mean()
    ),
    "The result is a mean squared distance between labels: labels are names, and not amounts.": (
        lambda c: (c[0] - c[1]).double().square().mean()
    ),
    "The mean is taken of the predictions, which are not compared with y.": lambda c: c[0].double().mean(),
    "The right ones are related to the wrong ones, and not to all.": (
        lambda c: np.inf if _hits(c).all() else _hits(c).sum() / (~_hits(c)).sum()
    ),
    "The number is divided by one too few: look at what you divide by.": lambda c: (
        _hits(c).sum() / (len(c[1]) - 1)
    ),
    "Every result is 0: == compares elements, and `is` or a comparison of whole tensors does not.": lambda _: 0.0,
    "Every result is 1: y is compared with itself, or nothing is compared.": lambda _: 1.0,
}

ACCURACY = Exercise(
    call="accuracy",
    variants=_labels,
    run=lambda solution, case: number(solution(*case)),
    answer=_share,
    shown=lambda case: f" of {in_words(case[0].numpy())} against {in_words(case[1].numpy())}",
    mistakes=[
        *simulated(ACCURACIES, number),
        Mistake(ARGMAX, shows=_takes_argmax_of_rows),
        Mistake(
            "The number of right predictions is divided by a fixed number: how many predictions are there?",
            shows=_is_divided_by_a_constant,
        ),
    ],
)

EXERCISES = MappingProxyType({"batchify": BATCHIFY, "accuracy": ACCURACY})


def verdict(name: str, solution: Any) -> Verdict:
    """Return the verdict on a solution of the exercise called `name`."""
    return judge(name, EXERCISES[name], solution)
