"""Kafka's own tools, run on Penstock and on Apache Kafka at the same time; what both say is compared."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from penstock.testing.apache_kafka import tool

from ..servers import Server

SECONDS_MAX = 90

# What no two servers have in common, and how wide a column gets by it.
_OWN = (
    (r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]", "[TIME]"),
    (r"\b1[5-9]\d{11}\b", "0"),
    (r"TopicId: [\w-]{22}", "TopicId: ID"),
    (r"Cluster ID: [\w-]{22}", "Cluster ID: ID"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"  +", "  "),
    (r"---+", "---"),
)


class Said(NamedTuple):
    """What a tool answered, less what is the server's own and the lines of stack traces."""

    code: int
    out: str
    error: str


def plain(text: str, server: Server) -> str:
    text = text.replace(server.bootstrap_servers, "HOST:PORT").replace(str(server.log_dir), "LOG_DIR")
    for pattern, word in _OWN:
        text = re.sub(pattern, word, text)
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(line for line in lines if not re.match(r"\tat |\t\.\.\. \d+ more", line)).strip()


@dataclass(frozen=True)
class Pair:
    """The broker under test and Apache Kafka beside it."""

    ours: Server
    theirs: Server

    def run(self, name: str, *arguments: object, stdin: str = "", files: bool = False) -> tuple[Said, Said]:
        """(ours, theirs). files: the tool reads files; `LOG_DIR` in an argument is the server's own."""

        def on(server: Server) -> Said:
            here = [str(a).replace("LOG_DIR", str(server.log_dir)) for a in arguments]
            if not files:
                here += ["--bootstrap-server", server.bootstrap_servers]
            done = tool(name, *here, stdin=stdin, timeout=SECONDS_MAX, check=False)
            return Said(done.returncode, plain(done.stdout, server), plain(done.stderr, server))

        with ThreadPoolExecutor(2) as two:
            ours, theirs = two.map(on, (self.ours, self.theirs))
        return ours, theirs

    def same(self, name: str, *arguments: object, stdin: str = "", files: bool = False, ordered: bool = True) -> str:
        """What both said on standard output, after it proved to be the same. ordered: the lines too."""
        ours, theirs = self.run(name, *arguments, stdin=stdin, files=files)
        if not ordered:
            ours, theirs = _in_order(ours), _in_order(theirs)
        assert ours == theirs, f"{name} {' '.join(map(str, arguments))}:\n{_beside(ours, theirs)}"
        return ours.out


def _in_order(said: Said) -> Said:
    return said._replace(out="\n".join(sorted(said.out.splitlines())))


def _beside(ours: Said, theirs: Said) -> str:
    return (
        f"--- {'ours'}\n{ours.code}\n{ours.out}\n{ours.error}\n--- theirs\n{theirs.code}\n{theirs.out}\n{theirs.error}"
    )
