"""Read, process, write: kill -9 of the broker and of the client, and every input counts once in the output."""

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..journeys import go
from ..jvm import program
from ..servers import mortal
from .copies import await_no_open_transaction, check_copied, committed, create, fill, read
from .drill import Blow, Drill, Loop

COUNT, SOURCES, TARGETS = 600, 3, 2
SESSION_MS = 2_000
# None ends by the clock, or soon enough for a successor of another name that waits for its end.
TRANSACTION_MS, TRANSACTION_MS_SHORT = 60_000, 4_000
CONFIG = {
    "group.consumer.session.timeout.ms": str(SESSION_MS),
    "group.consumer.min.session.timeout.ms": "1000",
    "transaction.state.log.num.partitions": "4",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "200",
}


@dataclass(frozen=True)
class Library:
    """command: of its loop. last: the phase before the commit. gives_up: after a few tries to reach the coordinator."""

    name: str
    command: Callable[[], list[str]]
    last: str = "offsets"
    gives_up: bool = False


CONFLUENT = Library("confluent-kafka", lambda: [sys.executable, str(Path(__file__).parent / "loop.py")])
JAVA = Library("kafka-clients", lambda: program("Loop"))
FRANZ = Library("franz-go", go("loop"), last="written", gives_up=True)
LIBRARIES = (CONFLUENT, JAVA, FRANZ)


def same_id(last: str) -> list[Blow]:
    """Each phase with each victim, waiting and under way."""
    return [
        Blow("broker", "read", 50, midway=True),
        Blow("client", "written", 100),
        Blow("broker", "written", 150),
        Blow("client", "read", 200, midway=True),
        Blow("broker", last, 250, midway=True),
        Blow("client", last, 300, midway=True),
        Blow("broker", last, 350),
        Blow("broker", last, 425, midway=True),
        Blow("client", last, 450),
    ]


def new_id(last: str) -> list[Blow]:
    """What the dead one left is open until its time is up; then the broker dies too while it is so."""
    return [
        Blow("client", "written", 100),
        Blow("client", last, 200, midway=True),
        Blow("client", last, 250),
        Blow("broker", "idle", 250),
    ]


@pytest.fixture
def node(request, tmp_path):
    with mortal(request.config.getoption("--broker"), tmp_path, CONFIG) as node:
        yield node


def copy(node, folder: Path, library: Library, protocol: str, blows: list[Blow], transaction_ms: int, new_ids: bool):
    """Runs the drill; gives what was seen."""
    bootstrap = node.bootstrap_servers
    create(bootstrap, source=SOURCES, target=TARGETS)
    fill(bootstrap, "source", COUNT, SOURCES)
    command = library.command()
    with (folder / "client.log").open("ab") as log:

        def start(name: str) -> Loop:
            given = [bootstrap, "source", "target", "copiers", name, str(transaction_ms), str(SESSION_MS), protocol]
            return Loop([*command, *given], log)

        def finished() -> bool:
            return committed(bootstrap, "copiers", "source", SOURCES) == [COUNT // SOURCES] * SOURCES

        return Drill(node, start, finished, deque(blows), new_ids).run()


def check(node) -> None:
    bootstrap = node.bootstrap_servers
    await_no_open_transaction(bootstrap, source=SOURCES, target=TARGETS)
    check_copied(read(bootstrap, "target", TARGETS), COUNT, SOURCES)
    assert committed(bootstrap, "copiers", "source", SOURCES) == [COUNT // SOURCES] * SOURCES


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_every_input_counts_once_when_broker_and_client_are_killed(node, tmp_path, library, protocol):
    seen = copy(node, tmp_path, library, protocol, same_id(library.last), TRANSACTION_MS, new_ids=False)

    check(node)
    # A broker that comes back keeps what a transaction needs: no client has to give up.
    assert library.gives_up or seen["fatal"] == 0


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_every_input_counts_once_when_a_stranger_goes_on(node, tmp_path, library):
    copy(node, tmp_path, library, "classic", new_id(library.last), TRANSACTION_MS_SHORT, new_ids=True)

    check(node)
