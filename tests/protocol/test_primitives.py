"""Uuids as text, and the helpers of compiled codecs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.protocol.errors import Malformed
from penstock.protocol.primitives import ZERO_UUID, from_base64, skip_tags, to_base64


@given(st.binary(min_size=16, max_size=16))
def test_a_uuid_survives_its_text(uuid):
    text = to_base64(uuid)

    assert from_base64(text) == uuid
    assert len(text) == 22


def test_uuids_look_as_kafka_prints_them():
    assert to_base64(ZERO_UUID) == "AAAAAAAAAAAAAAAAAAAAAA"
    assert to_base64(bytes(range(0xF0, 0x100))) == "8PHy8_T19vf4-fr7_P3-_w"


@pytest.mark.parametrize("text", ["", "short", "8PHy8/T19vf4+fr7/P3+/w", "A" * 23, "A" * 24, "ä" * 22])
def test_other_text_is_no_uuid(text):
    with pytest.raises(ValueError, match="is not a uuid"):
        from_base64(text)


def test_tags_are_skipped_one_by_one():
    section = b"\x00\x02ab" + b"\xff\x01\x00"

    assert skip_tags(b"\x02" + section, 1, 2, 8) == 8


@pytest.mark.parametrize("section", [b"\x02", b"\x02\x00\x01", b"\xff\xff\xff\x7f", b"\x01\x00\x7f"])
def test_tags_that_do_not_fit_are_malformed(section):
    with pytest.raises(Malformed, match="announced"):
        skip_tags(section, 1, section[0], len(section))
