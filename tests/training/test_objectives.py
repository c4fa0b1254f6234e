import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from digitscope.data import Dataset, Reshuffled, random_separations
from digitscope.data.negatives import NO_DIGIT
from digitscope.data.page_targets import PLANE
from digitscope.detections import CHANNELS, N_CHANNELS
from digitscope.metrics import evaluate_masks
from digitscope.models import build
from digitscope.models.layers import MNIST_SCALE, Normalize
from digitscope.models.separation import PixelsToChannels, UNet
from digitscope.training import (
    OBJECTIVES,
    TrainingSettings,
    TrainingState,
    predict_logits,
    run_epoch,
    to_tensors,
    train,
)
from digitscope.training.objectives import WEIGHTS, losses_of, mean_by_rank
from tests.page_maps import Peak, maps_of, planes_of_peaks
from tests.training.helpers import small_split

SEPARATION_OBJECTIVE = OBJECTIVES["separation"]
SIX = [(i, j) for i in range(3) for j in range(2)]
CPU = torch.device("cpu")


def test_the_loss_of_masks_by_its_formula() -> None:
    share = 0.2
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 2, 4, 5, generator=generator, dtype=torch.float64)
    masks = torch.randint(0, 2, (3, 2, 4, 5), generator=generator)
    wanted = masks * (1 - share) + share / 2
    probabilities = 1 / (1 + torch.exp(-logits))
    by_hand = -(wanted * probabilities.log() + (1 - wanted) * (1 - probabilities).log()).mean()
    assert SEPARATION_OBJECTIVE.loss(logits, masks, share, 1.0).item() == pytest.approx(by_hand.item())


def by_rank(losses: list[float], hard_example_weight: float) -> float:
    """Return the mean of the losses, each a constant factor lighter than the next higher."""
    weights = np.geomspace(1, 1 / hard_example_weight, len(losses))
    return float(np.average(sorted(losses, reverse=True), weights=weights))


def test_hard_examples_weigh_by_the_ranks_of_their_losses() -> None:
    hard_example_weight, positions = 40.0, (2,)
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(7, *positions, 10, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 10, (7, *positions), generator=generator)
    losses = (-logits.log_softmax(dim=-1).gather(-1, labels.unsqueeze(-1))).flatten().tolist()
    reading = OBJECTIVES["digit"]
    assert reading.loss(logits, labels, 0.0, hard_example_weight).item() == pytest.approx(
        by_rank(losses, hard_example_weight)
    )
    labels[-2:] = NO_DIGIT
    n = np.prod((5, *positions), dtype=int)
    others = -logits[-2:].log_softmax(dim=-1).mean().item()
    expected = 5 / 7 * by_rank(losses[:n], hard_example_weight) + 2 / 7 * others
    assert reading.loss(logits, labels, 0.0, hard_example_weight).item() == pytest.approx(expected)


def test_a_focus_weighs_masks_by_the_ranks_of_their_losses() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(3, 2, 4, 5, generator=generator, dtype=torch.float64)
    masks = torch.randint(0, 2, (3, 2, 4, 5), generator=generator)
    losses = [
        SEPARATION_OBJECTIVE.loss(logits[i, j][None, None], masks[i, j][None, None], 0.1, 1.0).item()
        for i, j in SIX
    ]
    assert SEPARATION_OBJECTIVE.loss(logits, masks, 0.1, 8.0).item() == pytest.approx(by_rank(losses, 8.0))


def test_the_ranks_of_a_focus_have_no_gradient() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]], requires_grad=True)
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 0, 1]), reduction="none")
    expected = torch.autograd.grad((losses * torch.tensor([1, 4, 2]) / 7).sum(), logits, retain_graph=True)
    found = torch.autograd.grad(mean_by_rank(losses, 4.0), logits)
    assert torch.allclose(found[0], expected[0])


def test_an_epoch_of_masks_is_scored_as_an_evaluation_is(sample: Dataset) -> None:
    """Batch by batch, for which no pixel is kept, as all at once."""
    split = small_split("unet", sample, 25)
    torch.manual_seed(0)
    model = build("unet", {})
    batches = to_tensors(((split.images[i : i + 10], split.labels[i : i + 10]) for i in (0, 10, 20)), CPU)
    score = run_epoch(model, batches, optimizer=None, objective=SEPARATION_OBJECTIVE)
    expected = evaluate_masks(predict_logits(model, split.images), split.labels)
    assert score.accuracies == pytest.approx(expected.per_position, abs=1e-6)
    assert np.mean(score.losses) == pytest.approx(expected.nll, rel=1e-5)
    loss, accuracy = SEPARATION_OBJECTIVE.validate(predict_logits(model, split.images), split.labels)
    assert (loss, accuracy) == (expected.nll, expected.mean_iou)


def test_two_empty_masks_agree() -> None:
    empty = torch.zeros(2, 2, 3, 3)
    _, overlaps = SEPARATION_OBJECTIVE.batch_result(empty - 1, empty.long())
    assert overlaps.tolist() == [[1, 1], [1, 1]]


def test_four_pairs_are_memorised(sample: Dataset) -> None:
    pairs = random_separations(sample.train, 4, generator=np.random.default_rng(0))
    settings = TrainingSettings(epochs=75, batch_size=4, optimizer="adam", learning_rate=0.01)
    torch.manual_seed(0)
    layers = (PixelsToChannels(), UNet(4, (16, 32, 64), 8), nn.PixelShuffle(2))
    state = TrainingState.start(nn.Sequential(Normalize(*MNIST_SCALE), *layers), settings)
    train(state, Reshuffled(pairs, 4), pairs, settings, seed=0, objective=SEPARATION_OBJECTIVE)
    assert state.history[0].train_accuracy < 0.7
    assert state.history[-1].train_accuracy > 0.85  # a cut in the middle row gives 0.8


# The losses of the page network, against formulas in plain Python

SIDE = 8
OBJECTIVE = OBJECTIVES["page"]


def random_targets(n: int, seed: int) -> Tensor:
    """Return planes (n, 17, 8, 8) with values of every kind, some ignored and some not judged."""
    generator = np.random.default_rng(seed)
    planes = generator.integers(0, 250, (n, len(PLANE), SIDE, SIDE))
    planes[:, :4] = generator.choice([0, 100, 130, 255], (n, 4, SIDE, SIDE), p=[0.8, 0.1, 0.05, 0.05])
    planes[:, PLANE["class"]] = generator.choice([0, 7, 20, 255], (n, SIDE, SIDE))
    planes[:, PLANE["ignored"]] = generator.choice([0, 255], (n, SIDE, SIDE), p=[0.8, 0.2])
    planes[:, PLANE["kind"]] = generator.integers(0, 4, (n, SIDE, SIDE))
    planes[:, PLANE["turns"]] = generator.choice([0, 1, 2, 3, 255], (n, SIDE, SIDE))
    return torch.from_numpy(planes)


def random_maps(n: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, N_CHANNELS, SIDE, SIDE, dtype=torch.float64, generator=generator)


def perfect(peaks: list[Peak]) -> tuple[Tensor, Tensor]:
    """Return the maps and the planes of a page with these items, without doubt in the maps."""
    planes, maps = planes_of_peaks(peaks), maps_of([], (16, 16))
    for peak in peaks:
        maps[:, peak.row, peak.column] = maps_of([peak])[:, peak.row, peak.column]
    maps[CHANNELS["heat"]] = np.where(planes[:4] == 255, 12, -12)
    maps[CHANNELS["classes"]] *= 3
    maps[CHANNELS["mask"]] = -12
    maps[CHANNELS["kinds"].start] = 20
    return torch.from_numpy(maps)[None], torch.from_numpy(planes)[None].long()


def test_nothing_is_lost_where_all_is_right() -> None:
    maps, planes = perfect([Peak(3, 4, "5", width=16, height=32), Peak(10, 9, "+", kind=2, right=0.25)])
    losses = losses_of(maps, planes)
    assert set(losses) == set(WEIGHTS)
    assert max(float(loss) for loss in losses.values()) < 1e-3
    loss, f1 = OBJECTIVE.validate(maps.numpy(), planes.numpy().astype(np.uint8))
    assert loss == pytest.approx(0, abs=1e-3)
    assert f1 == 1
    assert float(OBJECTIVE.loss(maps, planes, 0, 1)) == pytest.approx(loss)


def test_the_focal_loss_is_its_formula() -> None:
    """Zhou, Wang and Kraehenbuehl (2019), equation 1, with alpha 2 and beta 4, place by place."""
    targets, maps = random_targets(2, seed=0), random_maps(2, seed=1)
    total, n = 0.0, 0
    for scene in range(2):
        for channel in range(4):
            for row in range(SIDE):
                for column in range(SIDE):
                    if targets[scene, PLANE["ignored"], row, column]:
                        continue
                    heat = int(targets[scene, channel, row, column]) / 255
                    probability = 1 / (1 + math.exp(-float(maps[scene, channel, row, column])))
                    if heat == 1:
                        total -= (1 - probability) ** 2 * math.log(probability)
                        n += 1
                    else:
                        total -= (1 - heat) ** 4 * probability**2 * math.log(1 - probability)
    assert float(losses_of(maps, targets)["heat"]) == pytest.approx(total / n)


def test_the_other_losses_are_their_formulas() -> None:
    targets, maps = random_targets(2, seed=2), random_maps(2, seed=3)
    sums: dict[str, list[float]] = {name: [] for name in ("classes", "geometry", "height", "turns", "kinds")}

    def cross_entropy(logits: Tensor, label: int) -> float:
        return math.log(sum(math.exp(float(logit)) for logit in logits)) - float(logits[label])

    for scene, row, column in np.ndindex(2, SIDE, SIDE):
        truth = {name: int(targets[scene, number, row, column]) for name, number in PLANE.items()}
        said = {name: maps[scene, channels, row, column] for name, channels in CHANNELS.items()}
        sums["kinds"].append(cross_entropy(said["kinds"], truth["kind"]))
        if truth["turns"] != 255:
            sums["turns"].append(cross_entropy(said["turns"], truth["turns"]))
        if truth["kind"] == 1:
            sums["height"].append(abs(float(said["height"][0]) - math.log(2) * truth["size"] / 32))
        hot = any(int(heat) >= 127.5 for heat in targets[scene, :4, row, column])
        if hot and truth["class"] != 255 and not truth["ignored"]:
            times = 4 if truth["class"] >= 10 else 1  # the factor of a sign's places
            sums["classes"] += times * [cross_entropy(said["classes"], truth["class"])]
            lengths = [math.log(2) * truth[name] / 32 for name in ("width", "height")]
            offsets = [truth[name] / 32 - 4 for name in ("right", "below")]
            pairs = zip(said["geometry"].tolist(), [*lengths, *offsets], strict=True)
            sums["geometry"].append(sum(abs(found - true) for found, true in pairs))
    losses = losses_of(maps, targets)
    for name, each in sums.items():
        assert len(each) > 1
        assert float(losses[name]) == pytest.approx(sum(each) / len(each)), name


def test_the_ink_is_judged_by_its_coverage() -> None:
    targets, maps = random_targets(1, seed=4), random_maps(1, seed=5)
    coverage = targets[:, PLANE["ink 0"] : PLANE["ink 3"] + 1].numpy() / 255
    probability = 1 / (1 + np.exp(-maps[:, CHANNELS["mask"]].numpy()))
    expected = -(coverage * np.log(probability) + (1 - coverage) * np.log(1 - probability)).mean()
    assert float(losses_of(maps, targets)["mask"]) == pytest.approx(expected)


def test_gradients_are_finite_differences() -> None:
    targets, maps = random_targets(1, seed=6), random_maps(1, seed=7)
    direction = random_maps(1, seed=8)

    def losses(step: Tensor) -> dict[str, Tensor]:
        found = losses_of(maps + step * direction, targets)
        del found["mask"]  # PyTorch computes it in float32, as its targets are
        return found

    moved, small = torch.zeros((), dtype=torch.float64, requires_grad=True), torch.tensor(1e-6)
    after, before = losses(small), losses(-small)
    for name, loss in losses(moved).items():
        (gradient,) = torch.autograd.grad(loss, moved, retain_graph=True)
        difference = float(after[name] - before[name]) / 2e-6
        assert float(gradient) == pytest.approx(difference, rel=1e-5, abs=1e-8), name


def test_the_heat_of_ignored_places_does_not_matter() -> None:
    targets, maps = random_targets(2, seed=9), random_maps(2, seed=10)
    others = torch.where(targets[:, PLANE["ignored"], None] > 0, random_maps(2, seed=11), maps)
    heat = CHANNELS["heat"]
    assert not torch.equal(others[:, heat], maps[:, heat])
    changed = maps.clone()
    changed[:, heat] = others[:, heat]
    assert float(losses_of(changed, targets)["heat"]) == float(losses_of(maps, targets)["heat"])


def test_a_page_without_an_item_has_a_loss() -> None:
    maps, planes = perfect([])
    assert float(OBJECTIVE.loss(maps, planes, 0, 1)) == pytest.approx(0, abs=1e-3)
    assert OBJECTIVE.batch_result(maps, planes)[1].tolist() == [1]


def test_an_epoch_is_the_mean_of_its_batches() -> None:
    """Of three places near an item the second batch has one right."""
    right, planes = perfect([Peak(3, 3, "1"), Peak(3, 12, "2"), Peak(12, 3, "3")])
    wrong = right.clone()
    wrong[:, CHANNELS["classes"], 3] = right[:, CHANNELS["classes"], 3].flip(1)
    seen = [OBJECTIVE.batch_result(maps, planes) for maps in (right, wrong)]
    score = OBJECTIVE.score(seen)
    losses = [float(OBJECTIVE.loss(maps, planes, 0, 1)) for maps in (right, wrong)]
    assert list(score.losses) == pytest.approx([np.mean(losses)])
    assert list(score.accuracies) == pytest.approx([(1 + 1 / 3) / 2])
