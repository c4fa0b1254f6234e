"""Letters stand on the line as people write them."""

import numpy as np

from digitscope.data.hands import Hand, Material


def test_letters_of_a_word_stand_on_the_line(material: Material) -> None:
    """The pens have A, O, a and k. Capitals are as high as digits; a and k are not, and k is the higher one."""
    hand = Hand(material, 100.0, np.random.default_rng(0))
    heights: dict[str, list[float]] = {label: [] for label in "AOak"}
    for _ in range(40):
        for label, of_label in heights.items():
            letter = hand.letter_of(label, 0.6)
            assert letter is not None
            assert letter.base == letter.coverage.shape[0]
            of_label.append(letter.coverage.shape[0] - hand.width)
    assert hand.letter_of("B", 0.6) is None
    for label, expected in {"A": 1.0, "O": 1.0, "k": 1.0, "a": 0.6}.items():
        assert 88 * expected < min(heights[label]) <= max(heights[label]) < 118 * expected
    words = [word for _ in range(40) if (word := hand.spelled_word()) is not None]
    assert words
    assert not any(word.marks for word in words)
