"""Members of a share group: they take records, and accept, release or reject them, or take too long."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError as E
from tests.simulation.consuming import TOPIC, UUID
from tests.simulation.producing import AGAIN
from tests.simulation.world import Actor, Life, World

ACCEPT, RELEASE, REJECT, RENEW = 1, 2, 3, 4
SHARE_GROUP = "share"
VERSION = 2


class ShareConsumer(Actor):
    """One member in its session. held: what it has to say something about, (partition, first, last)."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.member_id = ""
        self.epoch = 0
        self.session_epoch = 0
        self.assigned: list[int] = []
        self.held: list[tuple[int, int, int]] = []
        self.beat_ms = 0

    def life(self) -> Life:
        self.member_id = UUID % (self.name, self.lives)
        self.epoch = self.session_epoch = 0
        self.assigned, self.held = [], []
        self.beat_ms = -5_000
        while True:
            yield from self.beat()
            if self.assigned:
                yield from self.fetch()
                slow = self.dice.random() < 0.05 and not self.world.is_quiet
                yield self.pause(10_000, 40_000) if slow else self.pause(20, 800)
                if self.held and self.dice.random() < 0.7:
                    yield from self.say()
            yield self.pause(50, 1_000)

    def beat(self) -> Generator[Any, Any, None]:
        if self.world.now_ms() - self.beat_ms < 5_000:
            return
        request = m.ShareGroupHeartbeatRequest(
            group_id=SHARE_GROUP, member_id=self.member_id, member_epoch=self.epoch, subscribed_topic_names=[TOPIC]
        )
        answer = yield from self.ask(request, 1)
        if answer is None or answer.error_code in AGAIN:
            yield self.pause(50, 1_000)
        elif answer.error_code:
            self.epoch = 0
            self.assigned = []
        else:
            self.epoch = answer.member_epoch
            self.beat_ms = self.world.now_ms()
            if answer.assignment is not None:
                found = [index for topic in answer.assignment.topic_partitions for index in topic.partitions]
                if sorted(found) != self.assigned:
                    self.assigned = sorted(found)
                    self.session_epoch = 0

    def fetch(self) -> Generator[Any, Any, None]:
        fetch = m.ShareFetchRequest
        said: dict[int, list[Any]] = {index: [] for index in self.assigned}
        if self.session_epoch and self.dice.random() < 0.5:
            self.speak(said, fetch.AcknowledgementBatch)
        parts = [fetch.FetchPartition(index, batches) for index, batches in said.items()]
        request = fetch(
            group_id=SHARE_GROUP,
            member_id=self.member_id,
            share_session_epoch=self.session_epoch,
            max_wait_ms=400,
            min_bytes=1,
            max_bytes=self.dice.choice((200, 4_000, 1 << 20)),
            max_records=self.dice.choice((1, 5, 500)),
            batch_size=self.dice.choice((1, 10, 500)),
            share_acquire_mode=self.dice.choice((0, 1)),
            topics=[fetch.FetchTopic(self.world.topic_ids[TOPIC], parts)],
        )
        answer = yield from self.ask(request, VERSION)
        if not self.goes_on(answer):
            return
        for topic in answer.responses:
            for part in topic.partitions:
                runs = part.acquired_records
                self.held += [(part.partition_index, run.first_offset, run.last_offset) for run in runs]

    def say(self) -> Generator[Any, Any, None]:
        if not self.session_epoch:
            self.held = []
            return
        acknowledge = m.ShareAcknowledgeRequest
        said: dict[int, list[Any]] = {}
        self.speak(said, acknowledge.AcknowledgementBatch)
        parts = [acknowledge.AcknowledgePartition(index, batches) for index, batches in said.items()]
        request = acknowledge(
            group_id=SHARE_GROUP,
            member_id=self.member_id,
            share_session_epoch=self.session_epoch,
            topics=[acknowledge.AcknowledgeTopic(self.world.topic_ids[TOPIC], parts)],
        )
        self.goes_on((yield from self.ask(request, VERSION)))

    def speak(self, said: dict[int, list[Any]], kind: Any) -> None:
        """Says something of all that is held, in order."""
        reached: dict[int, int] = {}
        for index, first, last in sorted(self.held):
            if first <= reached.get(index, -1):
                # It was given again, after it was held for too long.
                continue
            reached[index] = last
            chosen = ACCEPT if self.world.is_quiet else self.dice.choice((ACCEPT, ACCEPT, ACCEPT, RELEASE, REJECT))
            said.setdefault(index, []).append(kind(first, last, [chosen]))
        self.held = []

    def goes_on(self, answer: Any) -> bool:
        """Without an answer, or with a refused one, a session begins anew; what was held then is no longer."""
        if answer is not None and not answer.error_code:
            self.session_epoch += 1
            return True
        if answer is None or answer.error_code in (E.SHARE_SESSION_NOT_FOUND, E.INVALID_SHARE_SESSION_EPOCH):
            self.session_epoch = 0
        self.held = []
        return False
