"""The network that finds digits and signs on pages as an ONNX file, for pages of any size."""

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from digitscope.data.splits import UInt8
from digitscope.detections import CLASSES, INPUT, OUTPUT
from digitscope.errors import SettingError
from digitscope.export.graphs import check_close, folded, graph_of, halved, stripped
from digitscope.files import replacing
from digitscope.reading.recognizer import ABOUT, open_session
from digitscope.training.loop import predict_logits

STEP = 32
"""Sides of pictures are multiples of so many pixels, as the deepest features have that stride."""


def export_page(model: nn.Module, path: Path, images: UInt8) -> None:
    """Write `model` to `path` as ONNX, opset 20, for any number of pictures of any size.

    Its input "images" is uint8 (N, H, W), sides multiples of 32. Its output "maps" is float32
    (N, 42, H / 4, W / 4), laid out as `digitscope.detections` says. Its property "digitscope" is a JSON object
    with the task and the classes. Equal weights give equal bytes. Weights that float16 holds are stored as such.

    Args:
        model: uint8 (N, H, W) to maps; it is left on the CPU in evaluation mode.
        path: the file to write. It is kept only if it gives the maps that the model gives.
        images: uint8 (N, H, W), N at least 2, sides multiples of 32 from 64, to compare on.

    Raises:
        SettingError: the images have another shape.
        ExportError: a number of the maps differs by more than 1e-5 of the largest.
    """
    if len(images) < 2 or any(length % STEP or length < 2 * STEP for length in images.shape[1:]):
        raise SettingError(f"images of shape {images.shape}: expected 2 or more, sides multiples of 32 from 64")
    example = torch.from_numpy(images[:2])
    axes = {0: "batch", 1: "height", 2: "width"}
    graph = halved(stripped(graph_of(folded(model.cpu()), example, INPUT, [OUTPUT], axes)))
    about = {"task": "page", "classes": "".join(CLASSES)}
    onnx.helper.set_model_props(graph, {ABOUT: json.dumps(about, ensure_ascii=False)})
    height, width = (length // (2 * STEP) * STEP for length in images.shape[1:])
    with replacing(path) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
        session = open_session(temporary.read_bytes(), 1)
        for part in map(np.ascontiguousarray, (images[:2], images[:1, :height], images[:2, :, :width])):
            (maps,) = session.run([OUTPUT], {INPUT: part})
            check_close(OUTPUT, np.asarray(maps), predict_logits(model, part))
