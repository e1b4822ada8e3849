"""Where `penstock group reset-offsets` moves a group to: which partitions, and which offset in each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from confluent_kafka.admin import AdminClient, OffsetSpec

from penstock.cli.connect import REQUEST_TIMEOUT_S, describe_fault, fail, offsets_at
from penstock.cli.consume import parse_time

Place = tuple[str, int]
DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$")


@dataclass(frozen=True)
class Target:
    """What the options say; exactly one of them is to be given. Error: Failure when it is not."""

    to_earliest: bool
    to_latest: bool
    to_offset: int | None
    shift_by: int | None
    to_datetime: str | None
    by_duration: str | None

    def __post_init__(self) -> None:
        valued = (self.to_offset, self.shift_by, self.to_datetime, self.by_duration)
        if sum([self.to_earliest, self.to_latest, *(value is not None for value in valued)]) != 1:
            fail(
                "give exactly one of --to-earliest, --to-latest, --to-offset, --shift-by, --to-datetime, --by-duration"
            )

    def offsets(self, client: AdminClient, places: list[Place], before: Mapping[Place, int | None]) -> dict[Place, int]:
        """The new offset of each partition, within what the partition holds. before: where the group stands."""
        earliest = offsets_at(client, places, OffsetSpec.earliest())
        latest = offsets_at(client, places, OffsetSpec.latest())
        for topic, number in places:
            if (topic, number) not in earliest or (topic, number) not in latest:
                fail(f"{topic}:{number}: the broker does not tell where it begins and ends; nothing was reset")
        wanted = self._wanted(client, earliest, latest, before)
        return {place: min(max(wanted[place], earliest[place]), latest[place]) for place in places}

    def _wanted(
        self,
        client: AdminClient,
        earliest: dict[Place, int],
        latest: dict[Place, int],
        before: Mapping[Place, int | None],
    ) -> dict[Place, int]:
        if self.to_earliest:
            return earliest
        if self.to_latest:
            return latest
        if self.to_offset is not None:
            return dict.fromkeys(earliest, self.to_offset)
        if self.shift_by is not None:
            known = {place: offset for place, offset in before.items() if offset is not None}
            return {place: known.get(place, first) + self.shift_by for place, first in earliest.items()}
        at = parse_time(self.to_datetime) if self.to_datetime else ago_ms(self.by_duration or "")
        found = offsets_at(client, list(latest), OffsetSpec.for_timestamp(at))
        return {place: found[place] if found.get(place, -1) >= 0 else end for place, end in latest.items()}


def parse_places(client: AdminClient, text: str) -> list[Place]:
    """`orders` is every partition of it, `orders:0,2` two of them."""
    name, colon, numbers = text.partition(":")
    metadata = client.list_topics(name, timeout=REQUEST_TIMEOUT_S).topics[name]
    if metadata.error is not None:
        fail(f"topic {name!r}: {describe_fault(metadata.error)}")
    if not colon:
        return [(name, number) for number in sorted(metadata.partitions)]
    try:
        wanted = [int(number) for number in numbers.split(",")]
    except ValueError:
        fail(f"--topic {text!r} is not TOPIC or TOPIC:PARTITION,...")
    missing = [number for number in wanted if number not in metadata.partitions]
    if missing:
        fail(f"topic {name!r} has no partition {missing[0]}")
    return [(name, number) for number in wanted]


def ago_ms(text: str) -> int:
    match = DURATION.match(text)
    if not text or match is None:
        fail(f"--by-duration {text!r} is not a duration such as 1d12h, 30m or 45s")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        moment = datetime.now(UTC) - timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        fail(f"--by-duration {text!r} is longer than there has been time")
    return max(0, int(moment.timestamp() * 1000))
