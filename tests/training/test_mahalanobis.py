"""The distance from the training digits, beside scikit-learn's and SciPy's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import empirical_covariance
from torch import nn

from digitscope.data import Dataset
from digitscope.data.splits import Split
from digitscope.export import export_calibrated
from digitscope.models import build
from digitscope.models.layers import Columns, Normalize
from digitscope.reading import Recognizer
from digitscope.training.mahalanobis import RIDGE, Distance, fit_distance, logits_and_features


def network(name: str = "small") -> nn.Sequential:
    torch.manual_seed(3)
    return build(name, {}).eval()


def features_of(model: nn.Sequential, images: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return logits_and_features(model, torch.from_numpy(images))[1].double().numpy()


def test_features_are_the_channel_means_of_the_second_and_the_last_convolution(sample: Dataset) -> None:
    model, seen = network(), []
    for layer in model:
        layer.register_forward_hook(lambda layer, _, output: seen.append((layer, output)))
    with torch.inference_mode():
        logits, features = logits_and_features(model, torch.from_numpy(sample.test.images[:7]))
    assert torch.equal(logits, model(torch.from_numpy(sample.test.images[:7])))
    maps = [output for layer, output in seen[: len(model)] if isinstance(layer, nn.ReLU)]
    expected = np.concatenate([np.asarray(each).mean(axis=(2, 3)) for each in (maps[1], maps[4])], axis=1)
    assert len(maps) == 5
    assert features.shape == (7, 32 + 96)
    assert np.allclose(features, expected, atol=1e-6)


def test_features_of_residual_blocks_end_with_those_of_the_last(sample: Dataset) -> None:
    model = network("resnet")
    images = torch.from_numpy(sample.test.images[:7])
    with torch.inference_mode():
        expected = model[:-1](images)  # all but the read-out, which is of these means
    assert expected.shape == (7, 256)
    assert np.allclose(features_of(model, sample.test.images[:7])[:, -256:], expected, atol=1e-6)


def test_of_few_convolutions_each_counts_once(sample: Dataset) -> None:
    n = 2
    layers = [layer for inner in ((1, 3), (3, 5))[:n] for layer in (nn.Conv2d(*inner, 3), nn.ReLU())]
    model = nn.Sequential(Normalize(0, 1), *layers)
    assert features_of(model, sample.test.images[:2]).shape == (2, (3, 5)[n - 1])


def test_features_of_columns_stand_side_by_side_and_the_logits_are_the_networks(sample: Dataset) -> None:
    model = network("best")
    images = torch.from_numpy(sample.test.images[:5])
    with torch.inference_mode():
        logits, features = logits_and_features(model, images)
        assert torch.allclose(logits, model(images), atol=1e-6)
        columns = next(layer for layer in model if isinstance(layer, Columns))
        first = nn.Sequential(model[0], columns.columns[0]) if len(model) == 2 else None
    assert features.shape == (5, 3 * (64 + 96))
    assert first is not None


def test_the_distance_is_scipys_mahalanobis_distance_to_the_nearest_class(sample: Dataset) -> None:
    model = network()
    distance = fit_distance(model, sample.train[:1000], sample.validation)
    assert distance is not None
    train, validation = (features_of(model, split.images) for split in (sample.train[:1000], sample.validation))
    labels = sample.train.labels[:1000].astype(int)
    centres = np.stack([train[labels == label].mean(axis=0) for label in range(10)])
    spread = empirical_covariance(train - centres[labels], assume_centered=True) * len(train) / (len(train) - 1)
    inverse = np.linalg.inv(spread + RIDGE * np.eye(128) * np.trace(spread) / 128)
    expected = np.array([min(mahalanobis(row, centre, inverse) for centre in centres) for row in validation])
    found = distance(torch.from_numpy(validation).float()).numpy()
    assert np.allclose(found, expected / np.quantile(expected, 0.99), rtol=2e-3)
    assert (found > 1).mean() == pytest.approx(0.01, abs=0.005)


def test_a_network_without_convolutions_in_a_row_has_no_distance(sample: Dataset) -> None:
    name = "fast"
    assert fit_distance(network(name), sample.train[:1000], sample.validation) is None


def test_pairs_and_a_class_that_lacks_have_no_distance(sample: Dataset) -> None:
    train = sample.train[:1000]
    assert fit_distance(network(), train[train.labels != 3], sample.validation) is None
    both = Split(train.images, np.stack([train.labels, train.labels], axis=1))
    assert fit_distance(network(), both, sample.validation) is None


def test_an_exported_network_tells_the_same_distances(sample: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(3)
    layers = (nn.Conv2d(1, 4, 5, 2), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(600, 10))
    model, images = nn.Sequential(Normalize(0, 255), *layers).eval(), sample.test.images[:200]
    export_calibrated(model, sample.train[:1000], sample.validation[:200], tmp_path / "net.onnx")
    distance = fit_distance(model, sample.train[:1000], sample.validation[:200])
    assert isinstance(distance, Distance)
    expected = distance(torch.from_numpy(features_of(model, images)).float()).numpy()
    recognizer = Recognizer.load(tmp_path / "net.onnx")
    found = recognizer.predict(images).distances
    assert found is not None
    assert np.allclose(found, expected, rtol=1e-4)
    one = recognizer.predict(images[0]).distances
    assert one is not None
    assert one.shape == ()
    assert one == pytest.approx(expected[0], rel=1e-4)
