"""One script against both servers: each request to both, each pair of answers compared."""

from __future__ import annotations

import struct
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from penstock.protocol import messages as m
from penstock.protocol.errors import Unencodable
from tests.oracle.differences import Case, Known, explain
from tests.oracle.learning import learn, learn_topics
from tests.oracle.pair import Pair, Server
from tests.oracle.plain import Difference, Symbols, differences, plain
from tests.oracle.script import Script, Step, message_of
from tests.oracle.settling import is_to_repeat, settle
from tests.oracle.wire import ANSWER_S_MAX, Connection, HungUp

# Only reads: what Apache Kafka does in the background shows in them a moment later.
READS = {
    "ConsumerGroupDescribe",
    "DescribeCluster",
    "DescribeConfigs",
    "DescribeGroups",
    "DescribeLogDirs",
    "DescribeProducers",
    "DescribeShareGroupOffsets",
    "DescribeTopicPartitions",
    "DescribeTransactions",
    "FindCoordinator",
    "ListConfigResources",
    "ListGroups",
    "ListOffsets",
    "ListTransactions",
    "Metadata",
    "OffsetFetch",
    "OffsetForLeaderEpoch",
    "ShareGroupDescribe",
}
HELD_BACK = {"JoinGroup", "SyncGroup"}
HELD_AFTER_S, OTHER_S_MAX = 0.03, 8.0
EVENTUALLY_S, PAUSE_S = 3.0, 0.03
REPEAT_S, REPEAT_EQUAL_S = 8.0, 0.3
HUNG_UP, NO_ANSWER = "hung up", "no answer"


class Found(NamedTuple):
    """An answer that differs, and nobody knows why. number: of the step in its script."""

    number: int
    step: Step
    differences: tuple[Difference, ...]

    @property
    def signature(self) -> str:
        """Alike for findings that have one cause, as far as that can be told."""
        one = self.differences[0]
        return f"{self.step.api} {one.path}: apache {one.apache!r:.80}, ours {one.ours!r:.80}"


@dataclass
class Report:
    """What a run of a script gave. explained: how often each known difference was met."""

    answers: int = 0
    found: Found | None = None
    explained: Counter[str] = field(default_factory=Counter)
    spoke: Counter[str] = field(default_factory=Counter)


class _Side:
    """One server as the script knows it."""

    def __init__(self, server: Server, prefix: str) -> None:
        self.server, self.prefix = server, prefix
        self.told: dict[str, Any] = {}
        self.symbols = Symbols()
        self.lines: dict[int, Connection] = {}
        # The requests that wait for an answer, by connection.
        self.open: dict[int, Any] = {}

    def line(self, on: int) -> Connection:
        if on not in self.lines:
            self.lines[on] = self.server.connect()
        return self.lines[on]

    def send(self, step: Step, request: Any) -> None:
        line = self.line(step.on)
        try:
            if is_unanswered(step):
                line.post(request, step.version)
                line.send(m.ApiVersionsRequest(), 0)
            else:
                line.send(request, step.version)
        except HungUp:
            line.reopen()
            self.open[step.on] = HUNG_UP
        else:
            self.open[step.on] = request

    def receive(self, step: Step, seconds: float) -> Any:
        """The answer, HUNG_UP, or None when it does not come."""
        if self.open[step.on] is HUNG_UP:
            return HUNG_UP
        line = self.line(step.on)
        try:
            answer = line.receive(seconds)
        except HungUp:
            line.reopen()
            return HUNG_UP
        return "sent" if answer is not None and is_unanswered(step) else answer

    def close(self) -> None:
        for line in self.lines.values():
            line.__exit__()


def is_unanswered(step: Step) -> bool:
    """Whether the request asks for no answer; another one behind it tells that it was read."""
    return step.api == "Produce" and step.body.get("acks") == 0


class Duel:
    """A script's run. known: the differences that are documented."""

    def __init__(self, pair: Pair, prefix: str, known: tuple[Known, ...]) -> None:
        self.prefix, self.known = prefix, known
        self.apache, self.ours = (_Side(server, prefix) for server in pair.both)
        self.sides = (self.apache, self.ours)
        self.held: dict[int, tuple[int, Step]] = {}
        self.report = Report()

    def run(self, script: Script) -> Report:
        """Until the first answer that differs without a reason, or that ends the comparison."""
        try:
            names = [self.prefix + name for name in script.topics]
            for side in self.sides:
                learn_topics(side.line(-1), names, side.told, side.symbols, self.prefix)
            for number, step in enumerate(script.steps):
                if not self._collect() or not self._take(number, step):
                    break
        finally:
            for side in self.sides:
                side.close()
        return self.report

    def _take(self, number: int, step: Step) -> bool:
        """Whether to go on after this step."""
        if step.on in self.held:
            return True
        if not self._send(step, self.sides):
            return True
        self.report.spoke[step.api] += 1
        answers = self._receive(step)
        if answers is None:
            self.held[step.on] = (number, step)
            return True
        return self._judge(number, step, self._repeated(step, answers))

    def _send(self, step: Step, sides: tuple[_Side, ...]) -> bool:
        """False when what was learned does not fit in the request."""
        try:
            requests = [message_of(step, side.told, self.prefix) for side in sides]
            for side, request in zip(sides, requests, strict=True):
                side.send(step, request)
        except (Unencodable, struct.error):
            return False
        return True

    def _receive(self, step: Step) -> list[Any] | None:
        """Both answers; None when both are held back."""
        if step.api not in HELD_BACK:
            return [self._surely(side, step) for side in self.sides]
        answers = [side.receive(step, HELD_AFTER_S) for side in self.sides]
        if all(answer is None for answer in answers):
            return None
        return self._other(step, answers)

    def _other(self, step: Step, answers: list[Any]) -> list[Any]:
        """The answer of the one, and what the other says when it is given time."""
        return [
            (side.receive(step, OTHER_S_MAX) or NO_ANSWER) if answer is None else answer
            for side, answer in zip(self.sides, answers, strict=True)
        ]

    def _surely(self, side: _Side, step: Step) -> Any:
        answer = side.receive(step, ANSWER_S_MAX)
        if answer is None:
            side.line(step.on).reopen()
        return answer or NO_ANSWER

    def _collect(self) -> bool:
        """Takes the answers that were held back until now. Whether to go on."""
        for on, (number, step) in list(self.held.items()):
            answers = [side.receive(step, 0) for side in self.sides]
            if all(answer is None for answer in answers):
                continue
            del self.held[on]
            if not self._judge(number, step, self._other(step, answers)):
                return False
        return True

    def _repeated(self, step: Step, answers: list[Any]) -> list[Any]:
        """The answers of those who said "not now" at first. It may also be what both say for good."""
        began = time.monotonic()
        while any(map(is_to_repeat, answers)):
            patience = REPEAT_EQUAL_S if all(map(is_to_repeat, answers)) else REPEAT_S
            if time.monotonic() - began > patience:
                break
            time.sleep(PAUSE_S)
            for place, side in enumerate(self.sides):
                if is_to_repeat(answers[place]) and self._send(step, (side,)):
                    answers[place] = self._surely(side, step)
        return answers

    def _judge(self, number: int, step: Step, answers: list[Any]) -> bool:
        """Whether to go on."""
        self.report.answers += 1
        trees, found = self._compared(step, answers)
        deadline = time.monotonic() + EVENTUALLY_S
        while step.api in READS and self._unexplained(step, trees, found)[0] and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
            self._send(step, self.sides)
            answers = [self._surely(side, step) for side in self.sides]
            trees, found = self._compared(step, answers)
        left, is_over = self._unexplained(step, trees, found, self.report.explained)
        if left:
            self.report.found = Found(number, step, tuple(left))
            return False
        for side, answer in zip(self.sides, answers, strict=True):
            if not isinstance(answer, str):
                request = side.open[step.on]
                learn(step, request, answer, side.told, self.prefix)
                settle(side.line(-1), step, request, answer)
                self._learn_new_topics(side, step)
        return not is_over

    def _learn_new_topics(self, side: _Side, step: Step) -> None:
        if step.api in ("CreateTopics", "Metadata"):
            asked = step.body.get("topics") or []
            names = [topic["name"] for topic in asked if isinstance(topic.get("name"), str)]
            own = sorted({self.prefix + name[1:] for name in names if name.startswith("~")})
            learn_topics(side.line(-1), own, side.told, side.symbols, self.prefix)

    def _compared(self, step: Step, answers: list[Any]) -> tuple[list[Any], list[Difference]]:
        """Both answers as trees, and where they differ. What is named for the first time stays named if they agree."""
        symbols = [side.symbols.copy() for side in self.sides]
        trees = [
            answer if isinstance(answer, str) else plain(step.api, step.version, answer, names, self.prefix)
            for answer, names in zip(answers, symbols, strict=True)
        ]
        found = differences(*trees)
        for side, names in zip(self.sides, symbols, strict=True):
            if not found or step.api not in READS:
                side.symbols = names
        return trees, found

    def _unexplained(
        self, step: Step, trees: list[Any], found: list[Difference], met: Counter[str] | None = None
    ) -> tuple[list[Difference], bool]:
        """What is left of the differences, and whether one of the known ones ends the comparison."""
        left, is_over = [], False
        for one in found:
            known = explain(Case(step, one, *trees), self.known)
            if known is None:
                left.append(one)
                continue
            is_over = is_over or known.ends
            if met is not None:
                met[known.name] += 1
        # Where servers part, the rest of an answer cannot agree either.
        return ([] if is_over else left), is_over


def play(pair: Pair, script: Script, prefix: str, known: tuple[Known, ...]) -> Report:
    """Runs a script whose topics are there."""
    return Duel(pair, prefix, known).run(script)
