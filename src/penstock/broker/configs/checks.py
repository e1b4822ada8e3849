"""Limits that are more than a range or a list of names; the notation refers to them as <word>."""

import re
from collections.abc import Mapping

from penstock.coordinate.assignors.catalog import ASSIGNORS, CLASS_NAMES
from penstock.kit.settings import Check

_REPLICA = re.compile(r"[0-9]{1,9}:[0-9]{1,9}")
# ISO 8601 as java.time.Duration reads it, without a sign: days, hours, minutes, seconds.
_DURATION = re.compile(
    r"P(?=[0-9T])([0-9]{1,9}D)?(T(?=[0-9])([0-9]{1,9}H)?([0-9]{1,9}M)?([0-9]{1,9}(\.[0-9]{0,9})?S)?)?", re.IGNORECASE
)
_OVERRIDE = re.compile(r"(?P<host>[^,\s]+):(?P<limit>[0-9]{1,9})")


def overrides(text: str) -> dict[str, int] | None:
    """Limits by host of "host:limit,host:limit"; None when the text is something else."""
    limits = {}
    for entry in filter(None, (entry.strip() for entry in text.split(","))):
        match = _OVERRIDE.fullmatch(entry)
        if match is None:
            return None
        limits[match["host"]] = int(match["limit"])
    return limits


def _are_replicas(entries: list[str]) -> bool:
    return entries == ["*"] or all(_REPLICA.fullmatch(entry) for entry in entries)


def _is_reset(text: str) -> bool:
    start, colon, duration = text.partition(":")
    if colon:
        return start == "by_duration" and _DURATION.fullmatch(duration) is not None
    return text in ("earliest", "latest")


def _are_assignors(entries: list[str]) -> bool:
    return bool(entries) and all(entry in ASSIGNORS or entry in CLASS_NAMES for entry in entries)


NAMED: Mapping[str, Check] = {
    "replicas": Check("* or partition:broker,...", _are_replicas),
    "reset": Check("earliest, latest or by_duration:PnDTnHnMnS", _is_reset),
    "assignors": Check("uniform, range or both", _are_assignors),
    "overrides": Check("host:limit,...", lambda text: overrides(text) is not None),
}
