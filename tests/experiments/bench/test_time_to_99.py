from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn, optim
from torch.utils.data import DataLoader

from digitscope.data import Dataset, Split
from digitscope.errors import DataError, SettingError
from digitscope.experiments.bench.measuring import Conditions
from digitscope.experiments.bench.time_to_99 import (
    ConvertedOneByOne,
    Preloaded,
    TimedTraining,
    compare,
    course_preloaded,
    example_as_published,
    example_network,
    example_preloaded,
    first_epoch,
    measure,
    time_to_accuracy,
    trainings,
)
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.run import run_recipe
from digitscope.models import build
from digitscope.training import evaluate
from tests.experiments.bench.clock import Clock
from tests.experiments.bench.test_measuring import conditions as given
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


# When an accuracy is reached, with a clock that is told the time

Start = Callable[[int], Iterator[float]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def training(clock: Clock, *rounds: list[float], seconds: float = 2.0) -> Start:
    """A side whose epochs take `seconds` and give these accuracies in each round."""

    def start(seed: int) -> Iterator[float]:
        for accuracy in rounds[seed]:
            clock.passes(seconds)
            yield accuracy

    return start


def slow_score(clock: Clock) -> Callable[[float], float]:
    def score(accuracy: float) -> float:
        clock.passes(1000)
        return accuracy

    return score


def test_the_clock_stands_while_a_network_is_scored(clock: Clock) -> None:
    sides = {"fast": training(clock, [0.992], seconds=6.0), "slow": training(clock, [0.97, 0.98, 0.991, 0.995])}
    trials = time_to_accuracy(sides, slow_score(clock), target=0.99, conditions=given(1))
    (fast,), (slow,) = trials["fast"], trials["slow"]
    assert (fast.seconds, fast.accuracies) == ([6.0], [0.992])
    assert (slow.seconds, slow.accuracies) == ([2.0, 4.0, 6.0], [0.97, 0.98, 0.991])


def test_the_row_is_the_first_epoch_whose_mean_reaches_the_target(clock: Clock) -> None:
    # Round 1 is there after two epochs and round 2 after three; the mean of epoch 2 is 0.9895, of epoch 3 0.992.
    side = training(clock, [0.98, 0.992, 0.993, 0.999], [0.985, 0.987, 0.991, 0.999])
    trials = time_to_accuracy({"side": side}, slow_score(clock), target=0.99, conditions=given(2))["side"]
    assert [trial.seconds for trial in trials] == [[2.0, 4.0, 6.0], [2.0, 4.0, 6.0]]
    assert first_epoch(trials, 0.99) == 3


def test_a_mean_may_reach_the_target_before_every_round_does(clock: Clock) -> None:
    side = training(clock, [0.98, 0.995], [0.98, 0.986, 0.991])
    trials = time_to_accuracy({"side": side}, slow_score(clock), target=0.99, conditions=given(2))["side"]
    assert [len(trial.seconds) for trial in trials] == [2, 3]
    assert first_epoch(trials, 0.99) == 2  # (0.995 + 0.986) / 2 = 0.9905


def test_all_rounds_go_on_together_until_the_mean_is_there(clock: Clock) -> None:
    # Each round touches 99 % in another epoch and falls back, so that only epoch 4 has the mean.
    side = training(clock, [0.99, 0.97, 0.97, 0.991, 0.999], [0.97, 0.99, 0.97, 0.991, 0.999])
    trials = time_to_accuracy({"side": side}, slow_score(clock), target=0.99, conditions=given(2))["side"]
    assert [len(trial.accuracies) for trial in trials] == [4, 4]
    assert first_epoch(trials, 0.99) == 4


def test_a_schedule_that_ends_short_of_the_target_ends(clock: Clock) -> None:
    side = training(clock, [0.97, 0.98], [0.97, 0.995], seconds=1.5)
    trials = time_to_accuracy({"side": side}, slow_score(clock), target=0.99, conditions=given(2))["side"]
    assert first_epoch(trials, 0.99) is None
    assert [trial.seconds for trial in trials] == [[1.5, 3.0], [1.5, 3.0]]


def test_a_training_without_an_epoch_is_no_endless_loop(clock: Clock) -> None:
    told: list[str] = []
    side = training(clock, [])
    trials = time_to_accuracy(
        {"side": side}, slow_score(clock), target=0.0, conditions=given(1, on_news=told.append)
    )["side"]
    assert (trials[0].ended, trials[0].seconds, told) == (True, [], [])


def test_sides_take_turns_and_tell_of_every_epoch(clock: Clock) -> None:
    told: list[str] = []
    done: list[int] = []
    time_to_accuracy(
        {"a": training(clock, [0.99], [0.99]), "b": training(clock, [0.9, 0.99], [0.9, 0.99])},
        slow_score(clock),
        target=0.99,
        conditions=given(2, on_news=told.append, on_turn=lambda: done.append(len(told))),
    )
    met = [("a", 1, 1, 99), ("b", 1, 1, 90), ("b", 1, 2, 99), ("a", 2, 1, 99), ("b", 2, 1, 90), ("b", 2, 2, 99)]
    assert told == [f"time-to-99: {side}, round {n}, epoch {epoch}: {at}.00%" for side, n, epoch, at in met]
    assert done == [1, 3, 4, 6]


def test_rounding_does_not_cost_an_epoch() -> None:
    for rounds in range(1, 8):
        trials = [TimedTraining[float](iter(()), [1.0], [0.99]) for _ in range(rounds)]
        assert first_epoch(trials, 0.99) == 1


# The peers


@pytest.fixture
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


class Published(nn.Module):
    """The network of pytorch/examples, written as its script writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3, 1), nn.Conv2d(32, 64, 3, 1)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = torch.flatten(self.dropout1(F.max_pool2d(x, 2)), 1)
        x = self.fc2(self.dropout2(F.relu(self.fc1(x))))
        return F.log_softmax(x, dim=1)


@pytest.mark.usefixtures("_seeded")
def test_the_example_is_the_published_network(sample: Dataset) -> None:
    training = True
    ours, published = example_network().train(training), Published().train(training)
    for mine, theirs in zip(ours.parameters(), published.parameters(), strict=True):
        theirs.data.copy_(mine.data)
    images = torch.tensor(sample.train.images[:8])
    torch.manual_seed(5)  # of dropout
    found = ours(images).log_softmax(dim=1)
    torch.manual_seed(5)
    expected = published(((images / 255 - 0.1307) / 0.3081).unsqueeze(1))
    torch.testing.assert_close(found, expected)
    assert sum(parameter.numel() for parameter in ours.parameters()) == 1_199_882


@pytest.mark.usefixtures("_seeded")
def test_images_are_converted_as_torchvision_does(sample: Dataset) -> None:
    images = ConvertedOneByOne(sample.train[:3])
    pixels, label = images[1]
    expected = (sample.train.images[1].astype(np.float64) / 255 - 0.1307) / 0.3081
    assert (len(images), pixels.dtype, pixels.shape, label) == (
        3,
        torch.float32,
        (1, 28, 28),
        sample.train.labels[1],
    )
    np.testing.assert_allclose(pixels[0].numpy(), expected, rtol=0, atol=1e-6)


@pytest.mark.usefixtures("_seeded")
def test_both_ways_feed_the_same_numbers(sample: Dataset) -> None:
    split = sample.train[:10]
    ((one_by_one, labels),) = DataLoader(ConvertedOneByOne(split), batch_size=10)
    preloaded = Preloaded(split, example_network()[0], 4)
    torch.testing.assert_close(preloaded.inputs, one_by_one, rtol=0, atol=2e-6)
    assert torch.equal(preloaded.labels, labels)


@pytest.mark.usefixtures("_seeded")
def test_preloaded_batches_hold_every_example_once_in_a_new_order(sample: Dataset) -> None:
    preloaded = Preloaded(sample.train[:10], nn.Identity(), 4)
    preloaded.labels = torch.arange(10)
    epochs = [[labels.tolist() for _, labels in preloaded] for _ in range(2)]
    for epoch in epochs:
        assert [len(batch) for batch in epoch] == [4, 4, 2]
        assert sorted(chain.from_iterable(epoch)) == list(range(10))
    assert epochs[0] != epochs[1]
    for inputs, labels in preloaded:
        assert torch.equal(inputs, torch.tensor(sample.train.images[:10])[labels])


@pytest.mark.usefixtures("_seeded")
def test_the_published_schedule(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    train = example_as_published
    made: list[optim.Optimizer] = []
    steps: list[float] = []

    class Watched(optim.Adadelta):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            made.append(self)

        def step(self, closure: object = None) -> None:  # type: ignore[override]
            steps.append(self.param_groups[0]["lr"])
            super().step(closure)

    monkeypatch.setattr(optim, "Adadelta", Watched)
    networks = list(train(sample.train[:65]))  # two batches of at most 64
    assert (len(networks), len(made)) == (14, 1)
    assert steps == pytest.approx([0.7**epoch for epoch in range(14) for _ in range(2)])


@pytest.mark.usefixtures("_seeded")
def test_the_course_preloaded_has_the_recipe_s_ten_epochs_and_learns(sample: Dataset) -> None:
    split = sample.train[:200]
    networks = list(course_preloaded(split))
    assert len(networks) == 10
    assert evaluate(networks[-1], split).accuracy > 0.8
    expected = [tuple(value.shape) for value in build("cnn", {}).state_dict().values()]
    assert [tuple(value.shape) for value in networks[-1].state_dict().values()] == expected


@pytest.mark.usefixtures("_seeded")
def test_the_example_learns(sample: Dataset) -> None:
    train = example_preloaded
    split = sample.train[:256]
    (*_, network) = islice(train(split), 4)
    assert evaluate(network, split).accuracy > 0.8
