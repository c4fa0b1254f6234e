from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitscope.data import Split, random_separations
from digitscope.errors import DataError, SettingError
from digitscope.plots import confusion_heat_map, contact_sheet, misread_sheet, separation_sheet, weight_pictures
from digitscope.plots.saving import figure_bytes
from tests.plots.examples import digits, pairs


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def pictures(figure: Figure) -> list[NDArray[np.generic]]:
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def sure(labels: NDArray[np.uint8], wrong: dict[int, tuple[int, float]]) -> NDArray[np.float64]:
    """Return logits that read `labels`, but for {position: (reading, confidence)}."""
    probabilities = np.full((len(labels), 10), 0.001)
    probabilities[np.arange(len(labels)), labels] = 0.991
    for position, (reading, confidence) in wrong.items():
        probabilities[position] = (1 - confidence) / 9
        probabilities[position, reading] = confidence
    return np.asarray(np.log(probabilities))


def test_a_contact_sheet_shows_the_first_digits_over_their_labels() -> None:
    split = digits(12)
    figure = contact_sheet(split, 7, columns=3, title="MNIST test")
    assert np.array_equal(np.stack(pictures(figure)), split.images[:7])
    assert texts(figure)[:7] == [str(label) for label in split.labels[:7]]
    assert texts(figure)[7:] == ["MNIST test", "7 of 12"]


def test_a_contact_sheet_of_pairs_names_upper_and_lower() -> None:
    split = pairs(3)
    figure = contact_sheet(split)
    assert pictures(figure)[0].shape == (42, 28)
    assert texts(figure)[0] == f"{split.labels[0, 0]}/{split.labels[0, 1]}"
    assert texts(figure)[-1] == "3 of 3, written upper/lower"


def test_pictures_do_not_overlap_and_stay_on_the_page() -> None:
    axes = contact_sheet(digits(23), 23, columns=5).axes[0]
    boxes = [image.get_extent() for image in axes.images]
    right, bottom = axes.get_xlim()[1], axes.get_ylim()[0]
    assert all(0 <= box[0] < box[1] <= right and 0 <= box[3] < box[2] <= bottom for box in boxes)
    assert all(
        one[1] <= other[0] or other[1] <= one[0] or one[2] <= other[3] or other[2] <= one[3]
        for position, one in enumerate(boxes)
        for other in boxes[:position]
    )


def test_a_sheet_needs_a_picture_and_a_column() -> None:
    n, columns = 5, 0
    with pytest.raises(SettingError, match="1 or more"):
        contact_sheet(digits(3), n, columns=columns)
    with pytest.raises(SettingError, match="1 or more"):
        weight_pictures(np.zeros((1, 28, 28)), n, columns=columns)
    with pytest.raises(DataError, match="empty split"):
        contact_sheet(digits(0))


def test_the_most_confident_errors_come_first() -> None:
    split = Split(digits(5).images, np.array([1, 2, 3, 4, 5], dtype=np.uint8))
    figure = misread_sheet(split, sure(split.labels, {1: (7, 0.6), 3: (9, 0.9), 4: (6, 0.8)}), n=2)
    assert np.array_equal(np.stack(pictures(figure)), split.images[[3, 4]])
    assert texts(figure)[0].startswith("4 read as 9\n")
    assert [float(text.split("\n")[1].removesuffix(" % sure")) for text in texts(figure)[:2]] == pytest.approx(
        [90, 80], abs=0.11
    )
    assert texts(figure)[2:] == ["The most confident errors", "2 of 3 misread among 5 images"]


def test_a_pair_is_misread_when_either_digit_is() -> None:
    labels = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.uint8)
    upper = sure(labels[:, 0], {1: (8, 0.9)})
    lower = sure(labels[:, 1], {1: (4, 0.5), 2: (0, 0.7)})
    figure = misread_sheet(Split(pairs(3).images, labels), np.stack([upper, lower], axis=1))
    assert [text.split("\n")[0] for text in texts(figure)[:2]] == ["5/6 read as 5/0", "3/4 read as 8/4"]
    assert texts(figure)[0].endswith("\n69.3 % sure")  # 0.991 * 0.7 = 0.6937, rounded down
    assert texts(figure)[1].endswith(("\n45.0 % sure", "\n44.9 % sure"))  # 0.9 * 0.5


def test_what_is_not_certain_is_never_shown_as_certain() -> None:
    split = Split(digits(1).images, np.array([3], dtype=np.uint8))
    assert texts(misread_sheet(split, sure(split.labels, {0: (8, 0.99999)})))[0] == "3 read as 8\n99.9 % sure"


def test_when_nothing_was_misread_the_figure_says_so() -> None:
    split = digits(4)
    figure = misread_sheet(split, sure(split.labels, {}))
    assert texts(figure) == ["Nothing was misread", "4 images, all read right"]
    assert figure_bytes(figure)


def test_logits_that_do_not_belong_to_the_split() -> None:
    with pytest.raises(DataError, match=r"\(4, 10\).*\(3, 2\)"):
        misread_sheet(pairs(3), np.zeros((4, 10)))


def test_the_confusion_counts_stand_in_their_cells() -> None:
    counts = np.diag(np.arange(100, 1100, 100))
    counts[4, 9], counts[7, 1] = 25, 3
    axes = confusion_heat_map(counts).axes[0]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(i, i): f"{100 * (i + 1):,}" for i in range(10)} | {(9, 4): "25", (1, 7): "3"}
    assert axes.get_ylabel() == "true digit"
    assert axes.get_xlabel() == "read as"
    assert axes.get_title(loc="left") == "28 of 5,528 digits misread"


def test_only_errors_have_colour() -> None:
    counts = np.diag([1000] * 10)
    counts[4, 9] = 5
    image = confusion_heat_map(counts).axes[0].images[0]
    shades = image.to_rgba(image.get_array())[..., :3]  # type: ignore[arg-type]
    saturation = np.ptp(shades, axis=-1)
    assert saturation[4, 9] > 0.3
    saturation[4, 9] = 0
    assert saturation.max() < 0.02


def test_a_confusion_of_another_shape() -> None:
    with pytest.raises(DataError, match=r"\(3, 3\): expected \(10, 10\)"):
        confusion_heat_map(np.eye(3))


def test_weights_share_a_scale_that_is_symmetric_about_zero() -> None:
    weights = np.random.default_rng(0).normal(0.3, 1, (12, 28, 28))
    figure = weight_pictures(weights, 10)
    assert np.array_equal(np.stack(pictures(figure)), weights[:10])
    limits = {image.get_clim() for image in figure.axes[0].images}
    ((low, high),) = limits
    assert low is not None
    assert high is not None
    assert low == -high
    zero = figure.axes[0].images[0].to_rgba(np.zeros((1, 1)))[0, 0, :3]
    assert np.ptp(zero) < 0.02


def test_weights_that_are_no_pictures() -> None:
    weights = np.full((1, 28, 28), np.nan)
    with pytest.raises(DataError, match="n_hidden"):
        weight_pictures(weights)


# Which pixels are whose


def test_a_separation_shows_each_pair_its_truth_and_what_was_found() -> None:
    split = random_separations(digits(9), 3, generator=np.random.default_rng(0))
    logits = split.labels * 2.0 - 1
    logits[1] = -1.0  # nothing was found
    figure = separation_sheet(split, logits)
    shown = pictures(figure)
    assert [picture.shape for picture in shown] == [(42, 28, 3)] * 9
    for pair, image in zip(shown[:3], split.images, strict=True):
        assert (pair == 255 - image[..., np.newaxis]).all()
    assert np.array_equal(shown[3], shown[6])
    assert (shown[7] == 255).all()
    assert texts(figure)[6:9] == ["1.00 1.00", "0.00 0.00", "1.00 1.00"]
    assert texts(figure)[9:12] == ["pair", "truth", "found"]


def test_the_names_of_rows_stand_beside_their_pictures() -> None:
    split = random_separations(digits(9), 10, generator=np.random.default_rng(0))
    figure = separation_sheet(split, split.labels * 2.0 - 1)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    names = [text.get_window_extent() for text in axes.texts if text.get_text() in ("pair", "truth", "found")]
    captions = [text.get_window_extent() for text in axes.texts[20:30]]
    for row, name in enumerate(names):
        left, right, bottom, top = axes.images[10 * row].get_extent()
        box = axes.transData.transform([[left, bottom], [right, top]])
        assert 0 <= name.x0 < name.x1 < box[0, 0]
        assert box[0, 1] < (name.y0 + name.y1) / 2 < box[1, 1]
    assert all(first.x1 < second.x0 for first, second in pairwise(captions))
    assert captions[-1].x1 < figure.bbox.x1


def test_the_colours_of_pixels_are_four_apart_in_lightness_too() -> None:
    """For who cannot tell colours: contrasts of relative luminance, as WCAG defines them, above 1.2."""
    images = np.zeros((1, 2, 2), dtype=np.uint8)
    masks = np.array([[[[0, 1], [0, 1]], [[0, 0], [1, 1]]]], dtype=np.uint8)
    _, truth, _ = pictures(separation_sheet(Split(images, masks), masks - 0.5))
    linear = np.asarray(truth, dtype=np.float64).reshape(4, 3) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    paper, upper, lower, both = linear @ [0.2126, 0.7152, 0.0722]
    assert paper > lower > upper > both
    lightness = np.array([paper, lower, upper, both]) + 0.05
    assert (lightness[:-1] / lightness[1:] > 1.2).all()


def test_separations_that_cannot_be_shown() -> None:
    split = random_separations(digits(4), 2, generator=np.random.default_rng(0))
    with pytest.raises(SettingError, match="a sheet of 0 pairs"):
        separation_sheet(split, split.labels * 1.0, 0)
    for wrong, logits in (
        (pairs(2), np.zeros((2, 2))),
        (split, np.zeros((2, 2, 28, 42))),
        (split[:0], np.zeros(0)),
    ):
        with pytest.raises(DataError, match=r"expected \(N, 2, H, W\) twice"):
            separation_sheet(wrong, logits)
