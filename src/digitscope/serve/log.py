"""The log: one line of JSON a request, what was asked and what became of it. Nobody's address and no content."""

import json
import logging
from datetime import UTC, datetime

ACCESS_LOG = logging.getLogger("digitscope.access")


class JsonLines(logging.Formatter):
    """Makes one line of JSON of every record: what a request's record holds, or a level and a message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        if isinstance(record.msg, dict):
            return json.dumps({"time": at, **record.msg})
        content = {"time": at, "level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json.dumps(content)


def log_to_standard_error() -> None:
    """Have requests, warnings and errors of this process written to standard error as lines of JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.getLogger().addHandler(handler)
    ACCESS_LOG.setLevel(logging.INFO)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # of a broken form its sender is told
