"""Names, checkpoints and leader epochs: the small texts beside the logs, as Apache Kafka writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.log import checkpoints, names
from penstock.log.epochs import Epochs

KAFKAS_TOPIC_ID = bytes.fromhex("4155c5acb991410ea99a8f83e36629a0")


def test_an_offset_checkpoint_is_read_and_written_as_apache_kafka_does() -> None:
    text = b"0\n3\ntxn 0 34\nplain 1 1002\nplain 0 998\n"

    offsets = checkpoints.decode_offsets(text)

    assert offsets == {("txn", 0): 34, ("plain", 1): 1002, ("plain", 0): 998}
    assert checkpoints.encode_offsets(offsets) == text
    assert checkpoints.encode_offsets({}) == b"0\n0\n"


@pytest.mark.parametrize(
    "text", [b"", b"0\n", b"1\n0\n", b"0\n2\na 0 1\n", b"0\n1\na 0\n", b"0\n1\na x 1\n", b"0\n1\na 0 1", b"\xff\xfe"]
)
def test_an_offset_checkpoint_of_another_form_is_none(text: bytes) -> None:
    expected = {("a", 0): 1} if text.endswith(b"0 1") else None

    assert checkpoints.decode_offsets(text) == expected


def test_leader_epochs_are_read_and_written_as_apache_kafka_does() -> None:
    assert checkpoints.decode_epochs(b"0\n2\n0 0\n3 17\n") == [(0, 0), (3, 17)]
    assert checkpoints.encode_epochs([(0, 0), (3, 17)]) == b"0\n2\n0 0\n3 17\n"


@pytest.mark.parametrize("text", [b"0\n2\n3 0\n3 17\n", b"0\n2\n0 9\n1 3\n", b"0\n1\n0\n", b"0\n1\nx 0\n", b"zero\n"])
def test_leader_epochs_that_do_not_rise_are_none(text: bytes) -> None:
    assert checkpoints.decode_epochs(text) is None


def test_a_topic_id_is_read_and_written_as_apache_kafka_does() -> None:
    text = b"version: 0\ntopic_id: QVXFrLmRQQ6pmo-D42YpoA"

    assert checkpoints.decode_partition_metadata(text) == KAFKAS_TOPIC_ID
    assert checkpoints.encode_partition_metadata(KAFKAS_TOPIC_ID) == text


@pytest.mark.parametrize(
    "text", [b"", b"version: 1\ntopic_id: QVXFrLmRQQ6pmo-D42YpoA", b"version: 0", b"version: 0\ntopic_id: QVXF"]
)
def test_a_topic_id_of_another_form_is_none(text: bytes) -> None:
    assert checkpoints.decode_partition_metadata(text) is None


def test_the_mark_of_a_clean_shutdown_is_apache_kafkas() -> None:
    text = b'{"version":0,"brokerEpoch":12}'

    assert checkpoints.encode_clean_shutdown(12) == text
    assert checkpoints.decode_clean_shutdown(text) == 12
    assert [checkpoints.decode_clean_shutdown(old) for old in (b"", b"{}", b"[]", b"null")] == [-1] * 4


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("orders-0", ("orders", 0)),
        ("a.b_c-d-17", ("a.b_c-d", 17)),
        ("a-delete-0", ("a-delete", 0)),
        ("__cluster_metadata-0", ("__cluster_metadata", 0)),
        ("orders", None),
        ("orders-", None),
        ("-0", None),
        ("orders-00", None),
        ("orders-0.0123456789abcdef0123456789abcdef-delete", None),
        ("orders-0.0123456789abcdef0123456789abcdef-future", None),
        ("orders-0.0123456789abcdef0123456789abcdef-stray", None),
        ("lost+found", None),
        ("orders-99999999999", None),
    ],
)
def test_partition_directories_are_known_by_their_names(name: str, parsed: tuple[str, int] | None) -> None:
    assert names.parse_partition(name) == parsed


@given(
    st.from_regex(r"[a-zA-Z0-9._-]{1,249}", fullmatch=True),
    st.integers(0, 2**31 - 1),
    st.binary(min_size=16, max_size=16),
)
def test_a_deleted_directory_is_not_taken_for_a_partition(topic: str, index: int, unique: bytes) -> None:
    name = names.partition_name(topic, index)

    deleted = names.deleted_name(topic, index, unique)

    assert names.parse_partition(name) == (topic, index)
    assert names.is_deleted(deleted)
    assert names.parse_partition(deleted) is None
    assert len(deleted) <= 255
    # Where it comes from can be read from it, as Apache Kafka does at its start.
    assert deleted.endswith(f"-{index}.{unique.hex()}-delete")
    assert not names.is_deleted(name) or deleted != name


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("00000000000000000000.log", (0, ".log")),
        ("00000000000000002020.timeindex", (2020, ".timeindex")),
        ("00000000000000006000.snapshot", (6000, ".snapshot")),
        ("00000000000000000000.log.deleted", None),
        ("0.log", None),
        ("leader-epoch-checkpoint", None),
    ],
)
def test_segment_files_are_known_by_their_names(name: str, parsed: tuple[int, str] | None) -> None:
    assert names.parse_offset(name) == parsed
    if parsed:
        assert names.offset_name(*parsed) == name


EPOCHS = [(0, 0), (2, 10), (5, 30)]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [(-1, (-1, -1)), (0, (0, 10)), (1, (0, 10)), (2, (2, 30)), (4, (2, 30)), (5, (5, 99)), (6, (-1, -1))],
)
def test_an_epoch_ends_where_the_next_begins(asked: int, answer: tuple[int, int]) -> None:
    assert Epochs(EPOCHS).end_offset(asked, 99) == answer


def test_an_epoch_older_than_all_that_are_known_ends_where_they_begin() -> None:
    assert Epochs([(3, 7)]).end_offset(1, 99) == (1, 7)
    assert Epochs([]).end_offset(0, 99) == (-1, -1)


def test_a_record_has_the_epoch_that_was_begun_before_it() -> None:
    epochs = Epochs(EPOCHS)

    assert [epochs.at(offset) for offset in (0, 9, 10, 29, 30, 500)] == [0, 0, 2, 2, 5, 5]
    assert Epochs([(3, 7)]).at(6) == -1


def test_an_epoch_in_which_nothing_was_written_leaves_no_trace() -> None:
    epochs = Epochs(EPOCHS)

    begun = [epochs.begin(7, 40), epochs.begin(8, 40), epochs.begin(8, 50), epochs.begin(1, 60)]

    assert begun == [True, True, False, False]
    assert epochs.entries() == [*EPOCHS, (8, 40)]


@pytest.mark.parametrize(
    ("end", "left"), [(0, []), (1, [(0, 0)]), (10, [(0, 0)]), (11, [(0, 0), (2, 10)]), (31, EPOCHS)]
)
def test_epochs_after_a_cut_are_forgotten(end: int, left: list[tuple[int, int]]) -> None:
    epochs = Epochs(EPOCHS)

    assert epochs.cut_from(end) == (left != EPOCHS)
    assert epochs.entries() == left


@pytest.mark.parametrize(
    ("start", "left"),
    [(0, EPOCHS), (5, [(0, 5), (2, 10), (5, 30)]), (10, [(2, 10), (5, 30)]), (40, [(5, 40)])],
)
def test_epochs_before_the_start_are_forgotten(start: int, left: list[tuple[int, int]]) -> None:
    epochs = Epochs(EPOCHS)

    assert epochs.cut_before(start) == (left != EPOCHS)
    assert epochs.entries() == left
