"""The content types of requests and answers."""

BYTES, FORM, JSON = "application/octet-stream", "multipart/form-data", "application/json"
PDF, PNG = "application/pdf", "image/png"

SIDE = 28
"""Rows and columns of a digit's image, of which `BYTES` has one byte a pixel."""
