"""A run from a seed to a verdict, and how a failing one is made smaller and told."""

from __future__ import annotations

import hashlib
import logging
import traceback
from typing import Any, NamedTuple

from tests.simulation.book import Book
from tests.simulation.checks import Checks
from tests.simulation.consuming import Exactly, Follower, GroupConsumer
from tests.simulation.faults import Nemesis
from tests.simulation.judging import Judge
from tests.simulation.plan import Plan
from tests.simulation.producing import Idempotent, Transactional
from tests.simulation.sharing import SHARE_GROUP, ShareConsumer
from tests.simulation.world import Actor, Found, World

# How long everybody has, once nothing goes wrong any more, and how often it is looked.
QUIET_MS = 240_000
LOOK_MS = 2_000
LINES_MAX = 120
# Values that say nothing about a message.
SILENT: tuple[Any, ...] = (0, None, "", b"", [], False, -1, bytes(16), (1 << 63) - 1)


class Verdict(NamedTuple):
    """found: the promises that were broken; digest: of the history, the same for the same plan."""

    plan: Plan
    found: list[Found]
    history: list[str]
    digest: str
    requests: int


def run(plan: Plan, *, told: bool = False) -> Verdict:
    """One run. told: with its history as lines; otherwise only a failing one has them."""
    world = World(plan)
    book = Book(world.fail)
    logger = logging.getLogger("penstock")
    level, propagate = logger.level, logger.propagate
    logger.addHandler(world.noise)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        _play(world, book)
    except Exception:
        world.fail("nothing raises", traceback.format_exc(limit=-8))
    finally:
        logger.removeHandler(world.noise)
        logger.setLevel(level)
        logger.propagate = propagate
    lines = _lines(world) if told or world.found else []
    requests = sum(what == "reply" for _, _, what, _ in world.history)
    return Verdict(plan, world.found, lines, _digest(world), requests)


def shrink(plan: Plan, tries: int = 60) -> Verdict:
    """A smaller run that breaks the same promise: fewer faults, actors and steps, as far as `tries` runs find one."""
    best = run(plan)
    assert best.found, plan
    rule = best.found[0].rule
    shape = World(plan).shape
    for name in (*shape.faults, *shape.cast):
        best = _smaller(best, best.plan._replace(without=best.plan.without | {name}), rule)
    for _ in range(tries - len(shape.faults) - len(shape.cast)):
        found = _smaller(best, best.plan._replace(steps=best.plan.steps * 4 // 5), rule)
        if found is best:
            break
        best = found
    return best


def _smaller(best: Verdict, plan: Plan, rule: str) -> Verdict:
    found = run(plan)
    return found if any(one.rule == rule for one in found.found) else best


def tell(verdict: Verdict) -> str:
    """What to print of a failing run."""
    broken = [f"  {found.rule}: {found.text}" for found in verdict.found[:8]]
    history = verdict.history[-LINES_MAX:]
    return "\n".join([f"seed {verdict.plan.seed}", *broken, "", *history, "", f"again: {verdict.plan.command}"])


def _play(world: World, book: Book) -> None:
    checks = Checks(world, book)
    isolation = "read_committed" if world.shape.share_committed else "read_uncommitted"
    share = {"share.auto.offset.reset": "earliest", "share.isolation.level": isolation}
    world.set_up([(SHARE_GROUP, share)])
    world.watcher = checks
    actors = [_actor(world, book, name) for name in world.shape.cast]
    for actor in actors:
        world.spawn(actor)
    nemesis = Nemesis(world, actors)
    world.spawn(nemesis)
    world.run_until(lambda: world.steps >= world.plan.steps)
    if world.found:
        return
    world.note("nemesis", "goes")
    nemesis.running = None
    world.trouble, world.lag_ms, world.is_quiet = 0.0, 0, True
    world.heal()
    for actor in actors:
        actor.frozen_ms = 0
    judge = Judge(world, book, checks)
    end_ms = world.now_ms() + QUIET_MS
    while not world.found and world.now_ms() < end_ms:
        look_ms = world.now_ms() + LOOK_MS
        world.run_until(lambda look_ms=look_ms: world.now_ms() >= look_ms)
        if world.broker is not None and not world.found and judge.is_done():
            judge.judge()
            return
    if not world.found:
        world.fail("everybody gets to the end", judge.left)


def _actor(world: World, book: Book, name: str) -> Actor:
    kind, _, number = name.partition("-")
    shape = world.shape
    if kind == "idem":
        return Idempotent(world, name, book, acks=-1 if number == "1" else 1)
    if kind == "tx":
        return Transactional(world, name, book, "tx")
    if kind == "eos":
        return Exactly(world, name, book, "eos", shape.eos_protocol)
    if kind == "read":
        return Follower(world, name, book, committed=number == "c")
    if kind == "group":
        return GroupConsumer(world, name, book, "group", shape.group_protocol)
    return ShareConsumer(world, name)


def _lines(world: World) -> list[str]:
    shape = world.shape
    head = [
        f"{'fsync' if shape.durable else 'page cache'}, group {shape.group_protocol}, eos {shape.eos_protocol}, "
        f"segments of {shape.segment_bytes} bytes",
        f"cast {', '.join(shape.cast)}",
        f"faults {', '.join(shape.faults)}",
    ]
    return head + [f"{time_ms:>7} {who:<8} {what} {_brief(details)}" for time_ms, who, what, details in world.history]


def _brief(details: Any) -> str:
    if isinstance(details, tuple):
        return " -> ".join(_brief(one) for one in details)
    return _short(str(details) if isinstance(details, str) else _fields(details))


def _fields(value: Any) -> str:
    """A message without the fields that say nothing."""
    slots = getattr(type(value), "__slots__", None)
    if isinstance(value, list):
        return "[" + ", ".join(_fields(one) for one in value) + "]"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>" if len(value) > 40 else repr(bytes(value))
    if slots is None or isinstance(value, str | int):
        return repr(value)
    pairs = [(name, getattr(value, name)) for name in slots]
    told = [f"{name}={_fields(one)}" for name, one in pairs if one not in SILENT]
    return f"{type(value).__name__}({', '.join(told)})"


def _short(text: str, size: int = 420) -> str:
    return text if len(text) <= size else text[:size] + "..."


def _digest(world: World) -> str:
    text = "\n".join(f"{time_ms} {who} {what} {_told(details)}" for time_ms, who, what, details in world.history)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _told(details: Any) -> str:
    """Enough to tell two histories apart: which request, and its answer."""
    if isinstance(details, tuple):
        return " ".join(_told(one) for one in details)
    return details if isinstance(details, str) else f"{type(details).__name__}{_errors(details)}"


def _errors(message: Any) -> str:
    return str(getattr(message, "error_code", ""))
