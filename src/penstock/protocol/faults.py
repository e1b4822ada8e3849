"""Says which field of a message a compiled codec stumbled over, after the fact and from the traceback.

The straight-line code keeps no path while it runs; the number of the line that failed and the local
variables of that moment hold all that is needed, so the good case pays nothing.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any, Final

from penstock.protocol.emitter import Slot
from penstock.protocol.errors import Malformed, Unencodable

DECODE_FAULTS: Final = (IndexError, struct.error, ValueError)
ENCODE_FAULTS: Final = (struct.error, ValueError, AttributeError, TypeError)

_LEVEL: Final = re.compile(r"<(\d)>")


def malformed(fault: Exception, what: str, places: Mapping[int, tuple[Slot, ...]]) -> Malformed:
    """The error of a decoder: field path, byte position, and what was wrong."""
    line, known = _scene(fault)
    end = known.get("end", 0)
    path, pos = _first_missing(places.get(line, ()), known.get("pos", 0), end)
    path = _LEVEL.sub(lambda level: str(known.get(f"i{level[1]}", "?")), path)
    if isinstance(fault, (IndexError, struct.error)):
        reason = f"the bytes end here, {end} in all"
    elif isinstance(fault, UnicodeDecodeError):
        reason = f"not UTF-8: {fault.reason}"
    else:
        reason = str(fault)
    return Malformed(f"{what}: {path or 'message'} at byte {pos}: {reason}")


def unencodable(fault: Exception, what: str, places: Mapping[int, tuple[Slot, ...]]) -> Unencodable:
    """The error of an encoder: field path and what was wrong with the value."""
    line, known = _scene(fault)
    path = _LEVEL.sub(lambda level: _index(known, level[1]), _first_unfit(places.get(line, ()), known))
    return Unencodable(f"{what}: {path or 'message'}: {fault}")


def _scene(fault: Exception) -> tuple[int, dict[str, Any]]:
    """The line that failed and the variables of the compiled function, which comes first in the traceback."""
    trace = fault.__traceback__
    assert trace is not None
    snapshot = trace.tb_frame.f_locals
    known = dict(snapshot)
    # Before Python 3.13 the frame keeps the snapshot, and in it the fault that leads back to the frame: a circle
    # in which views of the network's buffer would live on until the collector comes by.
    if isinstance(snapshot, dict):
        snapshot.clear()
    return trace.tb_lineno, known


def _first_missing(slots: tuple[Slot, ...], pos: int, end: int) -> tuple[str, int]:
    """The path and the position of the first value of a run, begun at pos, that does not fit before the end."""
    path = ""
    for slot in slots:
        path = slot.path
        size = struct.calcsize(">" + slot.code)
        if size > end - pos:
            break
        pos += size
    return path, pos


def _first_unfit(slots: tuple[Slot, ...], known: Mapping[str, Any]) -> str:
    """The path of the first value of a run that its code cannot hold."""
    for slot in slots:
        owner, _, attribute = slot.expression.partition(".")
        if not slot.code or not attribute:
            continue
        try:
            struct.pack(">" + slot.code, getattr(known[owner], attribute))
        except (struct.error, AttributeError, TypeError):
            return slot.path
    return slots[-1].path if slots else ""


def _index(known: Mapping[str, Any], level: str) -> str:
    """Where in its list the element is that an encoder was busy with."""
    element = known.get(f"o{level}")
    for index, candidate in enumerate(known.get(f"items{level}") or ()):
        if candidate is element:
            return str(index)
    return "?"
