"""What TensorBoard is given, read back with its own reader."""

import json
from pathlib import Path
from typing import Any

import pytest

from digitscope.experiments.event_log import EventLog
from digitscope.records import EpochRecord, read_history
from tests.cli.helpers import Command

TAGS = {
    "loss/train": "train_loss",
    "loss/validation": "validation_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/validation": "validation_accuracy",
    "learning rate": "learning_rate",
    "seconds an epoch": "seconds",
}


def read_events(folder: Path) -> Any:
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = module.EventAccumulator(str(folder))
    events.Reload()
    return events


def test_every_epoch_is_there(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    recipe = "scratch-128"
    words = (
        "train",
        recipe,
        "--data",
        tiny_mnist_folder,
        "--unchecked",
        "--batch-size",
        8,
        "--learning-rate",
        0.05,
    )
    code, _, err = digitscope(*words, "--epochs", 3, "--tensorboard", "boards")
    assert code == 0
    assert err[-1] == "TensorBoard: tensorboard --logdir boards"
    events = read_events(desk / "boards" / f"{recipe}-1")
    history = [json.loads(line) for line in (desk / "runs" / f"{recipe}-1/metrics.jsonl").read_text().splitlines()]
    for tag, name in TAGS.items():
        scalars = events.Scalars(tag)
        assert [each.step for each in scalars] == [1, 2, 3]
        assert [each.value for each in scalars] == pytest.approx([record[name] for record in history])
    (text,) = events.Tensors("settings/text_summary")
    assert b"| learning_rate | 0.05 |" in text.tensor_proto.string_val[0]
    assert b"| seed | 12321 |" in text.tensor_proto.string_val[0]


def test_settings_stand_beside_what_they_came_to(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    from tensorboard.plugins.hparams import plugin_data_pb2

    words = ("train", "fc", "--data", tiny_mnist_folder, "--unchecked", "--batch-size", 8, "--epochs", 2)
    assert digitscope(*words, "--hidden", 4, "--out", "mine", "--tensorboard", "boards").code == 0
    events = read_events(desk / "boards" / "mine")
    start = plugin_data_pb2.HParamsPluginData.FromString(
        events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    )
    settings = start.session_start_info.hparams
    assert (settings["recipe"].string_value, settings["hidden"].number_value) == ("fc", 4)
    assert settings["nesterov"].bool_value is False
    (accuracy,) = events.Scalars("hparams/validation_accuracy")
    assert accuracy.value == events.Scalars("accuracy/validation")[-1].value


def test_a_run_that_was_stopped_and_resumed_is_one_curve(
    digitscope: Command, tiny_mnist_folder: Path, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_after_the_second(log: EventLog, record: EpochRecord) -> None:
        add(log, record)
        if record.epoch == 2:
            raise KeyboardInterrupt

    data = ("--data", tiny_mnist_folder, "--unchecked", "--batch-size", 8, "--epochs", 4)
    words = ("train", "fc", *data, "--out", "run", "--tensorboard", "boards")
    add = EventLog.add
    with monkeypatch.context() as patch:
        patch.setattr(EventLog, "add", stop_after_the_second)
        assert digitscope(*words).code == 130
    assert digitscope(*words, "--resume").code == 0
    losses = read_events(desk / "boards" / "run").Scalars("loss/train")
    history = read_history(desk / "run" / "metrics.jsonl")
    assert [each.step for each in losses] == [1, 2, 3, 4]
    assert [each.value for each in losses] == pytest.approx([record.train_loss for record in history])


def test_a_refused_run_leaves_no_log(digitscope: Command, tiny_mnist_folder: Path, desk: Path) -> None:
    words = ("train", "fc", "--data", tiny_mnist_folder, "--unchecked", "--batch-size", 1000)
    assert digitscope(*words, "--tensorboard", "boards").code == 2
    assert not (desk / "boards").exists()


def test_another_run_of_the_same_name_keeps_the_curves_of_the_first(
    digitscope: Command, tiny_mnist_folder: Path, desk: Path
) -> None:
    data = ("--data", tiny_mnist_folder, "--unchecked", "--batch-size", 8)
    words = ("train", "fc", *data, "--epochs", 1, "--tensorboard", "boards")
    assert digitscope(*words, "--out", "a/run").code == 0
    before = {path: path.read_bytes() for path in (desk / "boards").rglob("*") if path.is_file()}
    code, _, err = digitscope(*words, "--out", "b/run")
    assert (code, err[-1].partition("boards/run ")[2]) == (
        2,
        "has the curves of another run: name another --tensorboard or --out",
    )
    assert {path: path.read_bytes() for path in (desk / "boards").rglob("*") if path.is_file()} == before
