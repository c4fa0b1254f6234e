"""Digits as arrays: MNIST, the course's files, overlapping pairs, and the order they are met in."""
