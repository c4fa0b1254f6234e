"""The content types of requests and answers."""

BYTES = "application/octet-stream"

FORM = "multipart/form-data"

JSON = "application/json"

PDF = "application/pdf"

PNG = "image/png"
