"""Deadlines: the heap with lazy deletion does what a plain list of deadlines does."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.coordinate.groups.timers import Timer, Timers

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 4), st.integers(0, 50)),
        st.tuples(st.just("stop"), st.integers(0, 4), st.just(0)),
        st.tuples(st.just("pass"), st.just(0), st.integers(0, 20)),
    ),
    max_size=60,
)


@given(MOVES)
def test_a_timer_fires_once_at_its_last_deadline_and_never_after_it_is_stopped(moves):
    timers, timer_list = Timers(), [Timer(number) for number in range(5)]
    plain: dict[int, int] = {}
    now_ms = 0

    for move, number, value in moves:
        if move == "set":
            timers.set(timer_list[number], now_ms + value)
            plain[number] = now_ms + value
        elif move == "stop":
            timer_list[number].stop()
            plain.pop(number, None)
        else:
            now_ms += value
            fired = []
            while (timer := timers.pop_due(now_ms)) is not None:
                fired.append(timer.kind)
            due = sorted(number for number, due_ms in plain.items() if due_ms <= now_ms)
            assert sorted(fired) == due
            for number in due:
                del plain[number]
        assert timers.next_deadline_ms() == min(plain.values(), default=None)


def test_prolonging_a_timer_leaves_the_heap_as_it_is():
    timers, timer = Timers(), Timer("session")
    timers.set(timer, 10)

    for due_ms in range(11, 1_000):
        timers.set(timer, due_ms)

    assert len(timers) == 1
    assert timers.next_deadline_ms() == 999


def test_timers_due_together_fire_in_the_order_they_were_set():
    timers = Timers()
    for name in "abc":
        timers.set(Timer(name), 5)

    fired = [timers.pop_due(5).kind for _ in range(3)]

    assert fired == ["a", "b", "c"]
