"""Waits: woken by keys, asked once, expired in order, forgotten with their owner."""

from collections.abc import Hashable

from penstock.broker.outcome import Hangup, Reply, Wait
from penstock.broker.waiting import FOREVER_MS, Waiting


class Door:
    """Something that opens: a Wait on it is ready then."""

    def __init__(self, *keys: Hashable, until_ms: int = FOREVER_MS) -> None:
        self.is_open = False
        self.asked = 0
        self.woken: list[Hashable] = []
        self.answers: list[object] = []
        self.wait = Wait(frozenset(keys), until_ms, self.ready, lambda: Reply("late"), self.woken.append)

    def ready(self) -> Reply | None:
        self.asked += 1
        return Reply("open") if self.is_open else None

    def deliver(self, reply: Reply | Hangup) -> None:
        self.answers.append(reply)


def test_a_wait_is_asked_only_after_one_of_its_keys_was_woken():
    waiting = Waiting()
    door = Door("a", "b")
    waiting.add(door.wait, door.deliver)
    door.is_open = True

    waiting.wake("c")
    waiting.settle()
    asked_before = door.asked
    waiting.wake("b")
    waiting.settle()

    assert asked_before == 0
    assert door.answers == [Reply("open")]
    assert waiting.count == 0


def test_a_wait_woken_by_many_keys_is_asked_once_and_told_each():
    waiting = Waiting()
    door = Door(*range(10))
    waiting.add(door.wait, door.deliver)

    for key in range(10):
        waiting.wake(key)
    waiting.settle()

    assert door.asked == 1
    assert door.woken == list(range(10))
    assert door.answers == []


def test_an_answer_may_wake_another_wait():
    waiting = Waiting()
    first, second = Door("a"), Door("b")
    first.is_open = second.is_open = True
    waiting.add(first.wait, lambda reply: waiting.wake("b"))
    waiting.add(second.wait, second.deliver)

    waiting.wake("a")
    waiting.settle()

    assert second.answers == [Reply("open")]


def test_waits_expire_in_the_order_of_their_deadlines():
    waiting = Waiting()
    order: list[int] = []
    for until_ms in (300, 100, 200):
        waiting.add(Door("a", until_ms=until_ms).wait, lambda reply, at=until_ms: order.append(at))

    first_deadline = waiting.next_deadline_ms()
    waiting.expire(200)

    assert first_deadline == 100
    assert order == [100, 200]
    assert waiting.next_deadline_ms() == 300


def test_an_answered_wait_does_not_expire_too():
    waiting = Waiting()
    door = Door("a", until_ms=100)
    waiting.add(door.wait, door.deliver)
    door.is_open = True
    waiting.wake("a")
    waiting.settle()

    waiting.expire(100)

    assert door.answers == [Reply("open")]
    assert waiting.next_deadline_ms() is None


def test_the_waits_of_an_owner_who_left_are_never_answered():
    waiting = Waiting()
    mine, other = Door("a", until_ms=100), Door("a", until_ms=100)
    mine.is_open = other.is_open = True
    waiting.add(mine.wait, mine.deliver, "me")
    waiting.add(other.wait, other.deliver, "you")

    waiting.wake("a")
    waiting.cancel("me")
    waiting.settle()
    waiting.expire(100)

    assert mine.answers == []
    assert other.answers == [Reply("open")]


def test_a_wait_that_fails_ends_its_connection_and_no_other():
    waiting = Waiting()
    broken, sound = Door("a"), Door("a")
    sound.is_open = True
    waiting.add(broken.wait._replace(ready=lambda: 1 // 0), broken.deliver)
    waiting.add(sound.wait, sound.deliver)

    waiting.wake("a")
    waiting.settle()

    assert isinstance(broken.answers[0], Hangup)
    assert sound.answers == [Reply("open")]


def test_an_answer_that_cannot_be_handed_over_ends_its_connection_and_no_other():
    waiting = Waiting()
    first, second, third = Door("a"), Door("a"), Door("a", until_ms=5)
    ends: list[object] = []

    def torn(answer: Reply | Hangup) -> None:
        if isinstance(answer, Reply):
            raise ValueError("the answer cannot be encoded")
        ends.append(answer)

    waiting.add(first.wait, torn)
    waiting.add(second.wait, second.deliver)
    first.is_open = second.is_open = True

    waiting.wake("a")
    waiting.settle()
    waiting.add(third.wait, torn)
    waiting.expire(5)

    assert second.answers == [Reply("open")]
    assert [type(end) for end in ends] == [Hangup, Hangup]
    assert waiting.count == 0


def test_deadlines_of_answered_waits_do_not_pile_up():
    waiting = Waiting()
    for round_ms in range(5_000):
        door = Door("a", until_ms=1_000_000 + round_ms)
        door.is_open = True
        waiting.add(door.wait, door.deliver)
        waiting.wake("a")
        waiting.settle()
        waiting.next_deadline_ms()

    assert len(waiting._deadlines) < 2_000
    assert waiting._by_key == {}
