"""Turns generated text into functions whose lines tracebacks and debuggers can show."""

from __future__ import annotations

import linecache
from typing import Any


def run_source(filename: str, text: str, names: dict[str, Any]) -> dict[str, Any]:
    """Runs generated Python with `names` as its globals, and gives these globals back.

    linecache drops what it cannot find on disk, except entries without a modification time: so None.
    """
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec"), names)
    return names
