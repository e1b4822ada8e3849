"""Where a share group begins that asks for a time back from now."""

import re

_BY_DURATION = "by_duration:"
_DURATION = re.compile(r"P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]*)?)S)?)?", re.IGNORECASE)
_UNITS_MS = (86_400_000, 3_600_000, 60_000, 1_000)


def reset_duration_ms(reset: str) -> int | None:
    """How far back `by_duration:...` begins, in milliseconds; None when the reset is another one."""
    if not reset.startswith(_BY_DURATION):
        return None
    match = _DURATION.fullmatch(reset.removeprefix(_BY_DURATION))
    assert match is not None, f"{reset!r} was accepted as a config"
    return sum(int(float(number or 0) * unit) for number, unit in zip(match.groups(), _UNITS_MS, strict=True))
