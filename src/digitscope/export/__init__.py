"""From a trained network to an ONNX file that needs no PyTorch: checked before it is kept."""

from digitscope.export.calibrated import Calibrated, export_calibrated, export_onnx, fit_temperature
from digitscope.export.graphs import OPSET, ExportError, in_half_precision
from digitscope.export.page import export_page

__all__ = [
    "OPSET",
    "Calibrated",
    "ExportError",
    "export_calibrated",
    "export_onnx",
    "export_page",
    "fit_temperature",
    "in_half_precision",
]
