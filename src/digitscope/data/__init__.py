"""Digits as arrays: MNIST, the course's files, overlapping pairs, and the order they are met in."""

from digitscope.data.augmentation import Augmentation, augment
from digitscope.data.batches import (
    COURSE_SEED,
    Batch,
    BatchSource,
    FixedOrder,
    FreshPairs,
    Reshuffled,
    course_order,
    whole_batches,
)
from digitscope.data.course_files import has_two_digit, load_two_digit, write_two_digit
from digitscope.data.known_files import parse_idx
from digitscope.data.local_files import find_data_directory
from digitscope.data.mnist import (
    fetch_mnist,
    has_mnist,
    load_mnist,
    load_mnist_elsewhere,
    load_sample,
    write_mnist,
)
from digitscope.data.overlapping import PAIRS_FOR, make_two_digit, overlap, random_pairs, random_separations
from digitscope.data.splits import Dataset, Split, Task

__all__ = [
    "COURSE_SEED",
    "PAIRS_FOR",
    "Augmentation",
    "Batch",
    "BatchSource",
    "Dataset",
    "FixedOrder",
    "FreshPairs",
    "Reshuffled",
    "Split",
    "Task",
    "augment",
    "course_order",
    "fetch_mnist",
    "find_data_directory",
    "has_mnist",
    "has_two_digit",
    "load_mnist",
    "load_mnist_elsewhere",
    "load_sample",
    "load_two_digit",
    "make_two_digit",
    "overlap",
    "parse_idx",
    "random_pairs",
    "random_separations",
    "whole_batches",
    "write_mnist",
    "write_two_digit",
]
