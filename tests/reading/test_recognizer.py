"""The reader without PyTorch, against PyTorch, and against what people hand it."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from digitscope import Recognizer
from digitscope.data import Dataset, Split, make_two_digit
from digitscope.errors import DataError, SettingError
from digitscope.export import export_onnx
from digitscope.models import build
from digitscope.reading import SHIPPED, shipped_path
from digitscope.training import predict_logits


@pytest.fixture(scope="module")
def pairs(sample: Dataset) -> Split:
    return make_two_digit(sample, n_train=10, n_test=300, seed=0).test


@pytest.fixture(scope="module")
def digit_model() -> torch.nn.Module:
    torch.manual_seed(0)
    return build("small", {}).eval()


@pytest.fixture(scope="module")
def digit_file(digit_model: torch.nn.Module, sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("networks") / "digit.onnx"
    export_onnx(digit_model, path, sample.test.images, temperature=2.0)
    return path


@pytest.fixture(scope="module")
def reader(digit_file: Path) -> Recognizer:
    return Recognizer.load(digit_file, threads=1)


def test_it_computes_what_pytorch_computes(
    reader: Recognizer, digit_model: torch.nn.Module, sample: Dataset
) -> None:
    logits = predict_logits(digit_model, sample.test.images) / 2
    assert np.allclose(reader.logits(sample.test.images), logits, rtol=0, atol=1e-5)
    prediction = reader.predict(sample.test.images)
    expected = torch.softmax(torch.from_numpy(logits), dim=-1).numpy()
    assert np.allclose(prediction.probabilities, expected, rtol=0, atol=1e-6)
    assert (prediction.labels == expected.argmax(axis=1)).all()
    assert prediction.labels.dtype == np.dtype("uint8")
    assert prediction.probabilities.dtype == np.dtype("float32")


def test_two_digits(pairs: Split) -> None:
    reader = Recognizer.load("two-digit")
    assert (reader.task, reader.image_shape) == ("two-digit", (42, 28))
    prediction = reader.predict(pairs.images)
    assert (prediction.labels == reader.logits(pairs.images).argmax(axis=-1)).all()
    assert prediction.probabilities.shape == (300, 2, 10)
    one = reader.predict(pairs.images[7])
    assert one.labels.shape == (2,)
    assert one.probabilities.shape == (2, 10)


def test_one_image_is_a_row_of_many(reader: Recognizer, sample: Dataset) -> None:
    many, one = reader.predict(sample.test.images[:5]), reader.predict(sample.test.images[3])
    assert one.labels.shape == ()
    assert one.labels == many.labels[3]
    assert np.allclose(one.probabilities, many.probabilities[3], atol=1e-6)


def test_any_number_of_images(reader: Recognizer, sample: Dataset) -> None:
    n = 257
    whole = reader.predict(sample.test.images)
    prediction = reader.predict(sample.test.images[:n])
    assert prediction.labels.shape == (n,)
    assert np.allclose(prediction.probabilities, whole.probabilities[:n], atol=1e-6)


def test_strides_do_not_matter(reader: Recognizer, sample: Dataset) -> None:
    images = sample.test.images[:20]
    expected = reader.predict(images).probabilities
    wide = np.zeros((20, 40, 60), dtype=np.uint8)
    wide[:, 5:33, 3:59:2] = images
    last_axis_first = np.asfortranarray(images)
    read_only = images.copy()
    read_only.flags.writeable = False
    backwards = np.ascontiguousarray(images[::-1, :, ::-1])[::-1, :, ::-1]
    assert backwards.strides[0] < 0
    for view in (wide[:, 5:33, 3:59:2], last_axis_first, read_only, backwards):
        assert np.array_equal(reader.predict(view).probabilities, expected)


@pytest.mark.parametrize(
    ("images", "parts"),
    [
        (np.zeros((2, 28, 28), np.int64), ("int64", "uint8")),
        (np.zeros((42, 28), np.uint8), ("(42, 28)", "(28, 28) for one image")),
    ],
)
def test_wrong_images(reader: Recognizer, images: np.ndarray, parts: tuple[str, ...]) -> None:
    with pytest.raises(DataError) as caught:
        reader.predict(images)
    assert all(part in str(caught.value) for part in parts)


def test_the_advice_for_other_types_reads_the_same(reader: Recognizer, sample: Dataset) -> None:
    dtype, ink = np.float32, 255
    masks = np.where(sample.test.images[:9] > 127, 255, 0).astype(np.uint8)
    images: np.ndarray = (masks // 255 * ink).astype(dtype)
    with pytest.raises(DataError) as caught:
        reader.predict(images)
    (advice,) = re.findall(r"pass (\S+(?: \* \S+)?)", str(caught.value))
    assert np.array_equal(reader.logits(eval(advice)), reader.logits(masks))  # noqa: S307


def test_an_image_of_one_shade_is_no_digit() -> None:
    name = "two-digit"
    reader = Recognizer.load(name)
    images = np.zeros((4, *reader.image_shape), np.uint8)
    images[1] = 255
    images[2, 10:18, 12:15] = 255
    prediction, logits = reader.predict(images), reader.logits(images)
    for k, is_blank in enumerate([True, True, False, True]):
        assert bool(np.ptp(logits[k]) == 0) is is_blank
        assert np.allclose(prediction.probabilities[k], 0.1) is is_blank
    assert np.allclose(reader.predict(images[0]).probabilities, 0.1)
    assert np.allclose(prediction.probabilities.sum(axis=-1), 1)


def test_several_threads_may_share_one(reader: Recognizer, sample: Dataset) -> None:
    expected = reader.predict(sample.test.images).probabilities
    with ThreadPoolExecutor(4) as pool:
        for prediction in pool.map(lambda _: reader.predict(sample.test.images), range(12)):
            assert np.array_equal(prediction.probabilities, expected)


def test_files_that_are_no_digit_network(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "noise.onnx").write_bytes(np.random.default_rng(0).bytes(5000))
    node = helper.make_node("Identity", ["x"], ["y"])
    inside, outside = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in "xy")
    graph = helper.make_graph([node], "other", [inside], [outside])
    onnx.save(
        helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)]),
        tmp_path / "other.onnx",
    )
    for name, part in (("empty", "not a network"), ("noise", "not a network"), ("other", "not a digit network")):
        with pytest.raises(DataError, match=part) as caught:
            Recognizer.load(tmp_path / f"{name}.onnx")
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="no such file"):
        Recognizer.load(tmp_path / "missing.onnx")


def test_a_file_is_opened_when_it_is_first_needed(digit_file: Path, tmp_path: Path) -> None:
    """So that a network which a picture has no use for costs no time; `load` looks at once."""
    moved = tmp_path / "later.onnx"
    later = Recognizer(moved, threads=1)
    with pytest.raises(DataError, match="no such file"):
        Recognizer.load(moved)
    moved.write_bytes(digit_file.read_bytes())
    assert (later.image_shape, later.task) == ((28, 28), "digit")
    with pytest.raises(SettingError, match="threads is 0"):
        Recognizer(moved, threads=0)


def test_what_is_loaded_stays_when_the_file_goes(digit_file: Path, tmp_path: Path, sample: Dataset) -> None:
    """Several images are read by another session than one, opened when they come."""
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(digit_file.read_bytes())
    recognizer = Recognizer.load(copy, threads=2)
    copy.write_bytes(b"another file")
    expected = Recognizer.load(digit_file, threads=2).logits(sample.test.images[:20])
    assert np.array_equal(recognizer.logits(sample.test.images[:20]), expected)
    copy.unlink()
    assert recognizer.predict(sample.test.images[0]).labels.shape == ()


def test_refused_names_and_threads() -> None:
    with pytest.raises(SettingError, match=r"digits.*expected digit, digit-best, two-digit"):
        Recognizer.load("digits")
    with pytest.raises(SettingError, match="threads is 0"):
        Recognizer.load("digit", threads=0)


def test_a_folder_of_a_shipped_name_is_in_nobody_s_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digit").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Recognizer.load("digit").path == shipped_path("digit")


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in ("page", "item")])
def test_what_is_shipped_reads_the_sample(name: str, sample: Dataset, pairs: Split) -> None:
    reader = Recognizer.load(name)
    split = pairs if reader.task == "two-digit" else sample.test
    assert (reader.predict(split.images).labels == split.labels).mean() > 0.98
    content = shipped_path(name).read_bytes()
    assert len(content) < 3_000_000
    assert not any(word in content for word in (b"/home", b"/tmp", b"/work", b".py", b"site-packages"))
    assert shipped_path(name).with_suffix(".md").read_text(encoding="utf-8").startswith(f"# {name}")


def test_the_first_prediction_loads_no_torch() -> None:
    program = (
        "import sys, numpy, digitscope; assert 'onnxruntime' not in sys.modules; "
        "digitscope.Recognizer.load('digit').predict(numpy.zeros((28, 28), numpy.uint8)); "
        "assert not {'torch', 'matplotlib', 'scipy', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
