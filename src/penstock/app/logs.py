"""Log lines for people and programs: one event a line, `key=value`, to stderr."""

import logging
import sys
import time


class LineFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z level=info room=server msg="..."`; a traceback follows in lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        room = record.name.removeprefix("penstock.")
        # Text from a client may hold anything; a line break would let it write log lines of its own.
        text = record.getMessage().replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")
        line = f'{seconds}.{int(record.msecs):03d}Z level={record.levelname.lower()} room={room} msg="{text}"'
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure(level: str = "INFO") -> None:
    """Sends every log line of the process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
