from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import pytest
import torch
from torch import nn

from digitscope.data import Dataset, Split
from digitscope.errors import DataError, SettingError
from digitscope.experiments.bench.measuring import Conditions, TimedTraining
from digitscope.experiments.bench.time_to_99 import compare, measure, trainings
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.run import run_recipe
from tests.experiments.helpers import small
from tests.training.helpers import weights_bytes

SIDES = [
    "fast",
    "course's CNN, as published",
    "course's CNN, preloaded",
    "pytorch/examples, as published",
    "pytorch/examples, preloaded",
]
MODULE = "digitscope.experiments.bench.time_to_99"


def test_a_recipe_ends_as_run_recipe_ends_whoever_trains_in_between(sample: Dataset) -> None:
    side, recipe, epochs = SIDES[0], "fast", 1
    dataset = small(sample, 128)
    few = {"epoch_size": 0, "batch_size": 128}  # as its epoch is longer than the data
    expected = run_recipe(get_recipe(recipe).with_changes(few), dataset, seed=3, device="cpu").model
    starts = trainings(dataset)
    watched, other = starts[side](3), starts["course's CNN, preloaded"](4)
    networks = []
    for network in watched:
        networks.append(network)
        next(other)
        torch.rand(7)
    assert len(networks) == epochs
    assert weights_bytes(networks[-1]) == weights_bytes(expected)


def test_equal_seeds_give_equal_networks_and_others_do_not(sample: Dataset) -> None:
    start = trainings(small(sample, 128))["course's CNN, as published"]
    first, same, other = (weights_bytes(next(start(seed))) for seed in (1, 1, 2))
    assert first == same != other


def test_an_epoch_of_few_images_is_as_long_for_every_side(
    sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    monkeypatch.setattr(f"{MODULE}.train", lambda _state, source, *_, **__: steps.append(source.n_batches))
    next(trainings(small(sample, 300))["fast"](0))
    next(trainings(small(sample, 300))["course's CNN, as published"](0))
    assert steps == [2, 9]


def test_training_leaves_torch_s_generator_alone(sample: Dataset) -> None:
    before = torch.get_rng_state()
    next(trainings(small(sample, 128))["pytorch/examples, as published"](0))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_example_learns_from_all_images_and_the_course_from_nine_tenths(
    sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def train(split: Split) -> Iterator[nn.Module]:
        seen.append(len(split))
        yield nn.Identity()

    for name in ("course_preloaded", "example_as_published", "example_preloaded"):
        monkeypatch.setattr(f"{MODULE}.{name}", train)
    starts = trainings(small(sample, 100))
    assert [len(list(starts[side](0))) for side in SIDES[2:]] == [1, 1, 1]
    assert seen == [100, 170, 170]


def test_quick_is_one_epoch_of_each_and_says_what_it_is_not(sample: Dataset) -> None:
    news: list[str] = []
    started: list[tuple[str, int]] = []
    conditions = Conditions(
        data=lambda: small(sample, 128),
        rounds=1,
        threads=1,
        quick=True,
        on_start=lambda name, turns: started.append((name, turns)),
        on_news=news.append,
    )
    (table,) = measure(conditions)
    assert table.title.startswith("time-to-99, quick: one epoch on the first 198 training images of MNIST sample")
    assert "NOT a time to 99 %" in table.title
    assert [row.side for row in table.rows] == SIDES
    for row in table.rows:
        assert row.values["epoch"] == (1.0,)
        assert row.values["seconds"] == (row.raw[0]["seconds"][0],)
        assert row.values["seconds"][0] > 0
        assert row.values["accuracy"] == tuple(row.raw[0]["accuracies"])
    assert table.settings["training_images"] == 198
    assert started == [("time-to-99", 5)]
    assert [line.rpartition(": ")[0] for line in news] == [
        f"time-to-99: {side}, round 1, epoch 1" for side in SIDES
    ]


def test_peers_are_chosen_by_a_part_of_their_names(sample: Dataset) -> None:
    conditions = Conditions(data=lambda: small(sample, 128), rounds=1, threads=1, quick=True, peers="CNN, Pre")
    (table,) = measure(conditions)
    assert [row.side for row in table.rows] == ["fast", "course's CNN, preloaded"]
    with pytest.raises(
        SettingError, match=r"no side's name holds 'fast': expected part of one of course's CNN, as"
    ):
        measure(replace(conditions, peers="fast"))


def test_without_all_of_mnist_there_is_no_time_to_99(sample: Dataset) -> None:
    with pytest.raises(DataError, match=r"about full MNIST.*--quick"):
        measure(Conditions(data=lambda: sample, rounds=1, threads=1))


def trial(*accuracies: float, seconds: float) -> TimedTraining[nn.Module]:
    times = [seconds * epoch for epoch in range(1, len(accuracies) + 1)]
    return TimedTraining(iter(()), times, list(accuracies), ended=True)


def test_the_table_by_hand(sample: Dataset) -> None:
    trials = {
        "ours": (trial(0.991, seconds=6.0), trial(0.99, seconds=5.0)),
        "peer": (trial(0.98, 0.992, seconds=20.0), trial(0.98, 0.9885, 0.991, seconds=10.0)),
        "weak": (trial(0.9, 0.98, seconds=1.0), trial(0.9, 0.97, seconds=1.0)),
    }
    table = compare(trials, sample, Conditions(data=lambda: sample, rounds=2, threads=2))
    ours, peer, weak = table.rows
    seconds = next(column for column in table.columns if column.key == "seconds")
    assert ours.values == {"epoch": (1.0, 1.0), "seconds": (6.0, 5.0), "accuracy": (0.991, 0.99)}
    assert peer.values == {"epoch": (2.0, 2.0), "seconds": (40.0, 20.0), "accuracy": (0.992, 0.9885)}
    assert weak.values == {"epoch": (2.0, 2.0), "seconds": (2.0, 2.0), "accuracy": (0.98, 0.97)}
    assert (ours.caveat, peer.caveat, weak.caveat) == ("", "", "not reached")
    assert table.ratios(weak, seconds) == ()  # it would compare two different things
    assert weak.reason == "after the last epoch, 2, whose seconds are told, the mean is 97.50%"
    assert table.ratios(peer, seconds) == pytest.approx((40 / 6, 4.0))
    raw = list(chain.from_iterable(each["seconds"] for row in table.rows for each in row.raw))
    assert raw == [6.0, 5.0, 20.0, 40.0, 10.0, 20.0, 30.0, 1.0, 2.0, 1.0, 2.0]
