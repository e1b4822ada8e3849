"""The sticky assignor of streams groups: every task runs once, spares elsewhere, evenly, and little moves."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from penstock.coordinate.streams_groups.assignor import MemberSpec, SubtopologySpec, assign
from penstock.coordinate.streams_groups.tasks import NOTHING, Tasks, task_map, tasks_in

SUBTOPOLOGIES = st.dictionaries(
    st.sampled_from("0123"), st.builds(SubtopologySpec, st.integers(0, 7), st.booleans()), max_size=4
)
# Which process each member belongs to.
MEMBERS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz"), min_size=1, max_size=6)
TASK = st.tuples(st.sampled_from("0123"), st.integers(0, 7))
ROLE = st.builds(task_map, st.lists(TASK, max_size=5))
HELD = st.dictionaries(st.sampled_from("abcdef"), st.builds(Tasks, ROLE, ROLE), max_size=4)


def specs(processes, held=None):
    return {member: MemberSpec(process, (held or {}).get(member, NOTHING)) for member, process in processes.items()}


@given(SUBTOPOLOGIES, MEMBERS, HELD, st.integers(0, 3))
def test_every_task_runs_once_and_its_spares_in_other_processes(parts, processes, held, replicas):
    made = assign(specs(processes, held), parts, replicas)

    active = Counter(task for tasks in made.values() for task in tasks_in(tasks.active))
    assert active == Counter((name, index) for name, spec in parts.items() for index in range(spec.task_count))
    places = Counter((task, processes[m]) for m, tasks in made.items() for role in tasks for task in tasks_in(role))
    assert set(places.values()) <= {1}
    spares = Counter(task for tasks in made.values() for task in tasks_in(tasks.standby))
    expected = min(replicas, len(set(processes.values())) - 1)
    assert spares == Counter({task: expected for task in active if parts[task[0]].is_stateful and expected})
    assert all(not tasks.warmup for tasks in made.values())


@given(SUBTOPOLOGIES, st.sets(st.sampled_from("abcdef"), min_size=1), HELD)
def test_processes_of_one_thread_get_even_shares(parts, members, held):
    made = assign(specs({member: member for member in members}, held), parts, 0)

    counts = [sum(1 for _ in tasks_in(tasks.active)) for tasks in made.values()]
    assert max(counts) - min(counts) <= 1


@given(SUBTOPOLOGIES, MEMBERS, st.integers(0, 2))
def test_nothing_moves_while_nothing_changes(parts, processes, replicas):
    first = assign(specs(processes), parts, replicas)

    again = assign(specs(processes, first), parts, replicas)

    assert [tasks.active for tasks in again.values()] == [tasks.active for tasks in first.values()]


def test_a_spare_takes_over_when_its_task_has_nobody():
    held = {
        "a": Tasks({"0": frozenset({0})}, {"0": frozenset({1})}),
        "c": Tasks({"0": frozenset({2})}, {}),
    }

    made = assign(specs({"a": "x", "c": "z"}, held), {"0": SubtopologySpec(3, True)}, 1)

    assert made["a"].active == {"0": frozenset({0, 1})}


def test_nobody_gets_nothing():
    assert assign({}, {"0": SubtopologySpec(3, True)}, 1) == {}
