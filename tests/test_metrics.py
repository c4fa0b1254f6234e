import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, jaccard_score, log_loss
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix

from digitscope.errors import DataError
from digitscope.metrics import (
    calibration_bins,
    evaluate_logits,
    evaluate_masks,
    expected_calibration_error,
    intersection_over_union,
    log_softmax,
    wilson_interval,
)

Floats = NDArray[np.float64]


def random_scores(*shape: int) -> tuple[Floats, NDArray[np.uint8]]:
    rng = np.random.default_rng(12321)
    return rng.normal(0, 3, (*shape, 10)), rng.integers(0, 10, shape, dtype=np.uint8)


def row(confidence: float, digit: int) -> list[float]:
    """Return ten probabilities with `confidence` at `digit` and the rest shared."""
    return [confidence if i == digit else (1 - confidence) / 9 for i in range(10)]


def logits_reading(digits: list[int]) -> Floats:
    return 5 * np.eye(10)[digits]


def test_single_digits_score_as_scikit_learn_and_torch_say() -> None:
    n = 500
    logits, labels = random_scores(n)
    scores = evaluate_logits(logits, labels)
    probabilities = torch.from_numpy(logits).softmax(dim=1).numpy()
    read = logits.argmax(axis=1)
    assert scores.n == n
    assert scores.accuracy == pytest.approx(accuracy_score(labels, read))
    assert scores.per_position == (scores.accuracy,)
    assert scores.both_right is None
    assert scores.nll == pytest.approx(log_loss(labels, probabilities, labels=range(10)))
    assert scores.nll == pytest.approx(
        torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels).long()).item()
    )
    expected = sklearn_confusion_matrix(labels, read, labels=range(10))
    assert scores.confusion == tuple(tuple(counts) for counts in expected.tolist())


def test_pairs_score_as_their_positions_do() -> None:
    logits, labels = random_scores(300, 2)
    scores = evaluate_logits(logits, labels)
    upper = evaluate_logits(logits[:, 0], labels[:, 0])
    lower = evaluate_logits(logits[:, 1], labels[:, 1])
    assert scores.n == 300
    assert scores.per_position == (upper.accuracy, lower.accuracy)
    assert scores.accuracy == pytest.approx((upper.accuracy + lower.accuracy) / 2)
    assert scores.nll == pytest.approx((upper.nll + lower.nll) / 2)
    assert np.array_equal(scores.confusion, np.array(upper.confusion) + lower.confusion)


def test_both_right_by_hand() -> None:
    labels = np.array([[1, 2], [3, 4], [5, 5], [9, 0]])
    read = np.stack([logits_reading([1, 3, 0, 0]), logits_reading([2, 7, 5, 9])], axis=1)
    scores = evaluate_logits(read, labels)
    assert scores.per_position == (0.5, 0.5)  # upper: 1 and 3; lower: 2 and 5
    assert scores.accuracy == 0.5
    assert scores.both_right == 0.25  # the first image only


def test_log_softmax_is_torch_s() -> None:
    dtype = np.float16
    logits = np.random.default_rng(1).normal(0, 20, (5, 2, 10)).astype(dtype)
    expected = torch.from_numpy(logits.astype(np.float64)).log_softmax(dim=-1).numpy()
    result = log_softmax(logits)
    assert result.dtype == np.float64
    assert np.allclose(result, expected, rtol=1e-12, atol=1e-12)


def test_huge_logits_stay_finite() -> None:
    logits = np.full((2, 10), -1000.0)
    logits[:, 3] = 1000
    scores = evaluate_logits(logits, np.array([3, 4]))
    assert scores.nll == pytest.approx(1000)  # 0 for the first, 2000 for the second
    assert scores.accuracy == 0.5
    assert scores.ece == pytest.approx(0.5)


def test_calibration_by_hand() -> None:
    # Bins are fifteenths. Confidences 0.95 and 0.97 share the last: accuracy 1/2 against 0.96, gap 0.46.
    # 0.7 is alone in (10/15, 11/15]: accuracy 1, gap 0.3. 0.5 is alone in (7/15, 8/15]: accuracy 0, gap 0.5.
    probabilities = np.array([row(0.95, 1), row(0.97, 2), row(0.7, 3), row(0.5, 4)])
    labels = np.array([1, 0, 3, 0])
    expected = (2 * 0.46 + 1 * 0.30 + 1 * 0.50) / 4
    assert expected_calibration_error(probabilities, labels) == pytest.approx(expected)
    as_pairs = expected_calibration_error(probabilities.reshape(2, 2, 10), labels.reshape(2, 2))
    assert as_pairs == pytest.approx(expected)


def test_a_confidence_on_a_bin_s_edge_belongs_to_the_lower_bin() -> None:
    # With two bins, 0.5 belongs to (0, 0.5] and 0.9 to (0.5, 1]: gaps 0.5 and 0.1, not |1 - 1.4| together.
    probabilities = np.array([row(0.5, 1), row(0.9, 2)])
    assert expected_calibration_error(probabilities, np.array([0, 2]), bins=2) == pytest.approx(0.3)


def test_the_bins_by_hand() -> None:
    probabilities = np.array([row(0.95, 1), row(0.97, 2), row(0.9, 3), row(0.5, 4)])
    bins = calibration_bins(probabilities, np.array([1, 0, 3, 0]), np.array([0, 0.3, 0.9, 1]))
    assert bins.counts.tolist() == [0, 2, 2]  # 0.9 belongs below the edge 0.9
    assert bins.right.tolist() == [0, 1, 1]
    assert bins.accuracy.tolist() == pytest.approx([math.nan, 0.5, 0.5], nan_ok=True)
    assert bins.confidence.tolist() == pytest.approx([math.nan, 0.7, 0.96], nan_ok=True)
    assert bins.error == pytest.approx((2 * 0.2 + 2 * 0.46) / 4)


def test_probabilities_that_do_not_belong_to_the_labels() -> None:
    shape, labels = (3, 10), (4,)
    with pytest.raises(DataError, match="one row of 10"):
        expected_calibration_error(np.zeros(shape), np.zeros(labels, dtype=np.uint8))


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1990, 2000)])
def test_the_interval_is_scipy_s(right: int, n: int) -> None:
    expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
    lower, upper = wilson_interval(np.array([right]), np.array([n]))
    assert (*lower, *upper) == pytest.approx((expected.low, expected.high))


def test_nothing_seen_has_no_interval() -> None:
    lower, upper = wilson_interval(np.array([0, 5]), np.array([0, 5]))
    assert np.isnan(lower).tolist() == np.isnan(upper).tolist() == [True, False]


def test_shapes_that_do_not_belong_together() -> None:
    logits, labels = (0, 10), (0,)
    with pytest.raises(DataError, match="one row of 10"):
        evaluate_logits(np.zeros(logits), np.zeros(labels, dtype=np.uint8))


def test_labels_that_are_no_digits() -> None:
    label = 10
    with pytest.raises(DataError, match=f"{label}.*expected 0 to 9"):
        evaluate_logits(np.zeros((2, 10)), np.array([5, label]))


# Masks


def test_intersections_over_unions_worked_by_hand() -> None:
    """Upper: found 3 pixels, true 2, of which 2 in common. Lower: nothing in common. Then two that are empty."""
    found = np.array([[[[1, 1, 1], [0, 0, 0]], [[1, 0, 0], [0, 0, 0]]], [[[0] * 3] * 2, [[0] * 3] * 2]])
    true = np.array([[[[1, 1, 0], [0, 0, 0]], [[0, 1, 0], [0, 0, 1]]], [[[0] * 3] * 2, [[0] * 3] * 2]])
    assert intersection_over_union(found > 0, true > 0).tolist() == [[2 / 3, 0], [1, 1]]
    scores = evaluate_masks(2.0 * found - 1, true)
    assert scores.n == 2
    assert scores.per_position == pytest.approx((5 / 6, 0.5))
    assert scores.mean_iou == pytest.approx(2 / 3)
    wrong, right = math.log1p(math.e), math.log1p(1 / math.e)  # costs of a pixel whose logit is 1 from 0
    assert scores.nll == pytest.approx((4 * wrong + 20 * right) / 24)


def test_masks_score_as_scikit_learn_and_torch_say() -> None:
    n = 7
    rng = np.random.default_rng(5)
    logits, masks = rng.normal(0, 3, (n, 2, 9, 7)), rng.integers(0, 2, (n, 2, 9, 7), dtype=np.uint8)
    scores = evaluate_masks(logits, masks)
    flat = masks.reshape(2 * n, -1), (logits > 0).reshape(2 * n, -1)
    assert scores.mean_iou == pytest.approx(jaccard_score(*flat, average="samples"))
    upper = jaccard_score(masks[:, 0].reshape(n, -1), logits[:, 0].reshape(n, -1) > 0, average="samples")
    assert scores.per_position[0] == pytest.approx(upper)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(logits), torch.from_numpy(masks).double()
    )
    assert scores.nll == pytest.approx(expected.item())


def test_masks_that_cannot_be_scored() -> None:
    masks = np.zeros((2, 2, 4, 3), np.uint8)
    for logits, labels in (
        (np.zeros((2, 4, 3)), masks),
        (np.zeros(0), masks[:0]),
        (np.zeros((2, 2)), masks[:, :, 0, 0]),
    ):
        with pytest.raises(DataError, match=r"expected \(N, P, H, W\) twice"):
            evaluate_masks(logits, labels)
    with pytest.raises(DataError, match="the network has diverged"):
        evaluate_masks(np.full(masks.shape, np.nan), masks)


def test_a_logit_of_any_size_has_a_finite_cost() -> None:
    masks = np.zeros((1, 2, 1, 1), np.uint8)
    assert evaluate_masks(np.full((1, 2, 1, 1), 1e30, np.float32), masks).nll == pytest.approx(1e30)
