"""Reading digits with ONNX Runtime: no PyTorch, nothing downloaded."""

from digitscope.inference.recognizer import Prediction, Recognizer
from digitscope.inference.shipped import SHIPPED, shipped_path

__all__ = ["SHIPPED", "Prediction", "Recognizer", "shipped_path"]
