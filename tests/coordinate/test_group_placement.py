"""Where a group is kept: Java's hash of its id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.coordinate.groups import group_partition, java_hash


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a", 97),
        ("hello", 99162322),
        ("polygenelubricants", -2147483648),  # famous for it
        ("日本語", 25921943),
        ("😀", 1772899),  # two code units: 0xD83D * 31 + 0xDE00
    ],
)
def test_the_hash_is_javas(text, expected):
    assert java_hash(text) == expected


def test_the_smallest_hash_has_no_positive_and_goes_to_partition_0():
    assert group_partition("polygenelubricants", 50) == 0


def test_a_negative_hash_is_taken_without_its_sign():
    assert java_hash("billing") == -109829509
    assert group_partition("billing", 50) == 9


@given(st.text(), st.integers(1, 200))
def test_every_group_has_a_partition(group_id, count):
    assert 0 <= group_partition(group_id, count) < count
