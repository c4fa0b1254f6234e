"""Training: one visible loop, its checked settings, its checkpoints."""

from digitscope.settings import TrainingSettings
from digitscope.training.checkpoints import load_state, load_weights, save_state, save_weights
from digitscope.training.devices import choose_device, cpu_threads, keep_freed_memory, place
from digitscope.training.distributed import is_first_process, n_processes, processes_together, wait_for_all
from digitscope.training.loop import TrainingState, evaluate, predict_logits, run_epoch, to_tensors, train
from digitscope.training.objectives import OBJECTIVES, EpochScore

__all__ = [
    "OBJECTIVES",
    "EpochScore",
    "TrainingSettings",
    "TrainingState",
    "choose_device",
    "cpu_threads",
    "evaluate",
    "is_first_process",
    "keep_freed_memory",
    "load_state",
    "load_weights",
    "n_processes",
    "place",
    "predict_logits",
    "processes_together",
    "run_epoch",
    "save_state",
    "save_weights",
    "to_tensors",
    "train",
    "wait_for_all",
]
