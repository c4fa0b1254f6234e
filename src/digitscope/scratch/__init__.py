"""The network you can read: NumPy, and every step in sight.

Begin with `network` (one page), then `functions` and the loop in `training`.
"""

from digitscope.scratch.classifier import Network, scale_pixels
from digitscope.scratch.files import load_network, load_state, save_network, save_state
from digitscope.scratch.functions import ACTIVATIONS, Activation, softmax_cross_entropy, squared_error
from digitscope.scratch.network import Layer, backward, forward, init_layers, sgd_step, zeros_like
from digitscope.scratch.regression import trained_predictions
from digitscope.scratch.training import ScratchSettings, ScratchState, batch_source, train

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Layer",
    "Network",
    "ScratchSettings",
    "ScratchState",
    "backward",
    "batch_source",
    "forward",
    "init_layers",
    "load_network",
    "load_state",
    "save_network",
    "save_state",
    "scale_pixels",
    "sgd_step",
    "softmax_cross_entropy",
    "squared_error",
    "train",
    "trained_predictions",
    "zeros_like",
]
