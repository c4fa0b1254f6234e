"""The content types of requests and answers."""

BYTES, FORM, JSON = "application/octet-stream", "multipart/form-data", "application/json"
PDF, PNG = "application/pdf", "image/png"
