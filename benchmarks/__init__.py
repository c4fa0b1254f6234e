"""Measurements that take longer than a test may; README.md has their results."""
