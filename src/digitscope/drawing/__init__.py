"""Drawings of readings: boxes and labels on a copy of a page, and a table for notebooks."""
