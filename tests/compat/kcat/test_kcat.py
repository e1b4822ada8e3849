"""kcat of Debian 12: librdkafka 2.0, an old client on purpose."""

import json
import subprocess
import time

import pytest

from ..journeys import CODECS, NUMBERS
from ..test_journeys import codec_on_disk
from ..toolchain import KCAT, find

SECONDS_MAX = 40


def kcat(broker, *arguments, stdin=""):
    done = subprocess.run(
        [find(KCAT), "-b", broker.bootstrap_servers, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def read(broker, topic, *arguments):
    """Every record there is, as kcat's JSON tells it."""
    lines = kcat(broker, "-C", "-t", topic, "-J", "-o", "beginning", "-e", "-q", *arguments).splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("codec", CODECS)
def test_records_come_back_as_they_were_sent(codec, broker, topic):
    # librdkafka leaves a batch as it is when compressing saves nothing.
    sent = [f"k{number}:v{number}-{'x' * 200}" for number in range(100)]

    kcat(broker, "-P", "-t", topic, "-p", "0", "-K:", "-z", codec, "-H", "h=1", stdin="\n".join(sent))
    records = read(broker, topic, "-p", "0")

    assert [f"{r['key']}:{r['payload']}" for r in records] == sent
    assert [r["offset"] for r in records] == list(range(100))
    assert {tuple(r["headers"]) for r in records} == {("h", "1")}
    assert codec_on_disk(broker, topic) == NUMBERS[codec]


def test_a_topic_that_is_written_to_is_created_with_the_default_partitions(broker, topic):
    kcat(broker, "-P", "-t", topic, stdin="hello\n")
    listed = json.loads(kcat(broker, "-L", "-J", "-t", topic))

    assert [p["partition"] for p in listed["topics"][0]["partitions"]] == [0, 1, 2, 3]
    assert [b["name"] for b in listed["brokers"]] == [broker.bootstrap_servers]
    assert listed["controllerid"] == listed["brokers"][0]["id"]


def test_offsets_are_found_by_time(broker, topic):
    kcat(broker, "-P", "-t", topic, "-p", "0", stdin="a\nb\n")
    last = read(broker, topic, "-p", "0")[-1]["ts"]

    ends = [kcat(broker, "-Q", "-t", f"{topic}:0:{at}").strip() for at in (-2, -1, 1, last + 1)]

    assert ends == [f"{topic} [0] offset {offset}" for offset in (0, 2, 0, -1)]


class Member:
    """`kcat -G` in the background; what it prints goes to files."""

    def __init__(self, broker, topic, assignor, folder):
        settings = [f"partition.assignment.strategy={assignor}", "auto.offset.reset=earliest"]
        settings += ["session.timeout.ms=6000", "heartbeat.interval.ms=300", "auto.commit.interval.ms=100"]
        options = [part for setting in settings for part in ("-X", setting)]
        self.out, self.log = folder / "out", folder / "log"
        folder.mkdir()
        command = [find(KCAT), "-b", broker.bootstrap_servers, "-u", *options, "-G", f"{topic}-group", topic]
        with self.out.open("wb") as out, self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log)

    def values(self):
        return self.out.read_text().split()

    def rebalanced(self):
        """How often partitions were given or taken."""
        return self.log.read_text().count("rebalanced")

    def leave(self):
        self.process.terminate()
        self.process.wait(SECONDS_MAX)


def until(ready):
    deadline = time.monotonic() + SECONDS_MAX
    while not ready():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.02)


@pytest.mark.parametrize("assignor", ["range", "roundrobin", "cooperative-sticky"])
def test_a_group_reads_everything_once_as_members_come_and_go(assignor, broker, topic, tmp_path):
    def send(numbers):
        for partition in range(4):
            some = [str(n) for n in numbers if n % 4 == partition]
            kcat(broker, "-P", "-t", topic, "-p", str(partition), stdin="\n".join(some))

    send(range(20))
    first = Member(broker, topic, assignor, tmp_path / "first")
    members = [first]
    try:
        until(lambda: len(first.values()) == 20)
        second = Member(broker, topic, assignor, tmp_path / "second")
        members.append(second)
        until(lambda: second.rebalanced() >= 1)
        send(range(20, 40))
        until(lambda: len(first.values()) + len(second.values()) == 40)
        second.leave()
        send(range(40, 60))
        until(lambda: len(first.values()) + len(second.values()) == 60)
    finally:
        for member in members:
            member.leave()

    assert second.values()
    assert sorted(first.values() + second.values(), key=int) == [str(n) for n in range(60)]
