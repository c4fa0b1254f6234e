"""The paragraphs, from numbers whose means and deviations are worked by hand."""

import csv

import pytest

from digitscope.experiments.studies.findings import (
    as_markdown,
    as_rows,
    enumerate_words,
    findings,
    in_words,
    like_best,
    rise_of_loss,
    within_noise,
)
from digitscope.experiments.sweep.ranking import Spread, as_csv
from tests.experiments.studies.helpers import flat, result

RISING = [[(0.9, 0.20), (0.9, 0.10), (0.9, 0.15)]] * 2


def test_noise_is_the_deviation_of_a_difference() -> None:
    """3-4-5: deviations of 3 and 4 hundredths make one of 5."""
    first = Spread(0.90, 0.03)
    assert within_noise(first, Spread(0.9499, 0.04))
    assert not within_noise(first, Spread(0.9501, 0.04))
    assert not within_noise(first, Spread(0.9001, None))


@pytest.mark.parametrize(
    ("losses", "notable"),
    [
        ([(0.2, 0.1, 0.15), (0.2, 0.1, 0.15)], True),
        ([(0.2, 0.1, 0.109), (0.2, 0.1, 0.109)], False),  # less than a tenth
        ([(0.2, 0.1, 0.1), (0.2, 0.1, 0.16)], False),  # 0.03 on average, with a deviation of 0.042
    ],
)
def test_a_loss_that_rises_again(losses: list[tuple[float, ...]], notable: bool) -> None:
    curves = [[(0.9, loss) for loss in seed] for seed in losses]
    (score,) = result("capacity", {(4,): curves}).scores
    assert rise_of_loss(score).is_notable is notable


def test_capacity_says_what_is_alike_and_where_it_overfits() -> None:
    told = findings(result("capacity", {(1,): flat(0.30, 0.32), (16,): flat(0.90, 0.94), (64,): flat(0.91, 0.95)}))
    assert "On 5,000 training digits, after 20 epochs, 64 hidden neurons are best on validation" in told
    assert "93.00 ± 2.83 %; 16 neurons are alike" in told
    assert "From 1 to 64 neurons, training accuracy goes from 100.00 ± 0.00 % to" in told
    assert "Its lead over validation goes from 69.0 to 7.0 points, with a maximum of 69.0 at 1. The fewest" in told
    assert "with at least 99.95 % training accuracy are 1." in told
    assert "No network overfits" in told
    assert "grow from 805 with 1 to 50,890 with 64; an epoch then takes 1.0 times as long" in told
    assert told.endswith("the sum of both squared deviations.")


def test_capacity_names_the_widths_that_overfit() -> None:
    low = flat(0.5, 0.5)
    told = findings(result("capacity", {(1,): low, (8,): RISING, (16,): RISING}))
    assert "The network overfits from 8 neurons on" in told
    assert "With 16 neurons it is lowest after epoch 2 (0.100 nats) and ends at 0.150" in told
    told = findings(result("capacity", {(1,): low, (8,): RISING, (16,): flat(0.8, 0.8)}))
    assert "The network overfits with 8 neurons: the" in told
    assert "The widest network is 10.00 points below the best" in told


def test_one_seed_is_a_hint() -> None:
    for name, points in (
        ("capacity", {(1,): flat(0.3), (2,): flat(0.5)}),
        ("epochs", {("plain",): flat(0.9), ("dropout",): flat(0.92)}),
        ("data", {("convolutional", 100): flat(0.9)}),
        ("optimizers", {("Adam", 0.001): flat(0.9), ("Muon", 0.1): flat(0.91)}),
    ):
        told = findings(result(name, points))
        assert told.endswith("is unknown, so each difference is only a hint."), name
        assert "alike" not in told
        assert "ahead" not in told


def test_epochs_compares_each_way_with_plain() -> None:
    told = findings(
        result("epochs", {("plain",): RISING, ("dropout",): flat(0.90, 0.92), ("warped",): flat(0.95, 0.96)})
    )
    assert '"warped" is best on validation, with 95.50 ± 0.71 %.' in told
    assert "lowest after epoch 2 (0.100 nats) and ends at 0.150, more than a tenth above its lowest." in told
    assert "from plain is +1.00 points, within the seeds' deviation." in told
    assert "from plain is +5.50 points." in told


def test_data_finds_with_how_few_digits_the_best_network_does() -> None:
    curves = {
        ("fully connected", 100): flat(0.70, 0.72),
        ("fully connected", 10_000): flat(0.94, 0.94),
        ("convolutional", 100): flat(0.71, 0.73),
        ("convolutional", 1_000): flat(0.95, 0.95),
        ("convolutional", 10_000): flat(0.98, 0.98),
    }
    told = findings(result("data", curves))
    assert told.startswith("Every training takes 20,000 digits in batches of 100")
    assert 'With 100 digits "convolutional" is best, with "fully connected" alike.' in told
    assert 'With 1,000 and 10,000 digits "convolutional" is best.' in told
    assert 'With 1,000 digits or fewer, "convolutional" equals "fully connected" with 10,000.' in told


def test_optimizers_are_compared_at_their_best_rates() -> None:
    curves = {
        ("SGD", 0.1): flat(0.80, 0.80),
        ("SGD", 0.3): flat(0.90, 0.90),
        ("SGD", 1.0): flat(0.70, 0.70),
        ("Adam", 0.0003): flat(0.89, 0.93),
        ("Adam", 0.001): flat(0.80, 0.80),
    }
    told = findings(result("optimizers", curves))
    assert "learning rates are as follows. Adam 91.00 ± 2.83 % at 0.0003; SGD 90.00 ± 0.00 % at 0.3." in told
    assert "Adam is first, with SGD alike." in told
    assert "For Adam, the best rate is the lowest or highest that was tried" in told
    told = findings(result("optimizers", {**curves, ("Adam", 0.001): flat(0.97, 0.98)}))
    assert "Adam is ahead by more than luck." in told


def test_the_table_has_every_figure_in_full_and_in_words() -> None:
    of_three = result("capacity", {(1,): flat(0.30, 0.32), (2_048,): flat(0.1, 1 / 3)})
    first, second = csv.DictReader(as_csv(as_rows(of_three)).splitlines())
    assert (first["hidden"], first["parameters"], first["outcome"], first["seeds"]) == (
        "1",
        "805",
        "finished",
        "2",
    )
    assert float(second["validation_accuracy"]) == (0.1 + 1 / 3) / 2
    assert float(second["test_accuracy"]) == 0.5
    assert float(second["seconds_an_epoch"]) == 2
    header, rows = in_words(of_three)
    assert rows[1][:2] == ("2,048", "1,628,170")
    text = as_markdown(header, rows).splitlines()
    assert text[0].startswith("| hidden | parameters | training |")
    assert text[1] == "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert text[2].startswith("| 1 | 805 | 100.00 ± 0.00 % | 31.00 ± 1.41 % | 0.200 |")


def test_what_has_not_finished_has_no_figures_and_no_place() -> None:
    stopped = result("capacity", {(1,): flat(0.3, 0.3)}, outcome="diverged")
    assert stopped.finished() == ()
    assert in_words(stopped)[1] == [("1", "805", "diverged", *["\N{EN DASH}"] * 3)]


def test_like_best_leaves_the_best_out_and_words_are_joined() -> None:
    scores = result("capacity", {(1,): flat(0.3, 0.3), (2,): flat(0.9, 0.8), (4,): flat(0.9, 0.82)}).scores
    assert [score.point["hidden"] for score in like_best(scores)] == [2]
    assert [enumerate_words(list(words)) for words in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]
