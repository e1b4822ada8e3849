"""Kafka's error codes: complete, each with a sentence, retriable where Kafka's clients retry."""

from __future__ import annotations

import pytest
from kio.schema.errors import ErrorCode

from penstock.protocol.error_texts import ERROR_TEXTS, RETRIABLE
from penstock.protocol.errors import KafkaError


def test_the_codes_are_those_of_kafka():
    assert {error.name.lower(): error.value for error in KafkaError} == {code.name: code.value for code in ErrorCode}


@pytest.mark.parametrize("error", KafkaError)
def test_an_error_says_what_it_means(error):
    assert error.message.endswith(".")
    assert error.message[0].isupper() or error.message.startswith(("acks", "max"))


def test_there_is_a_sentence_for_every_code_and_no_other():
    assert set(ERROR_TEXTS) == set(KafkaError)
    assert set(KafkaError) > RETRIABLE


@pytest.mark.parametrize("error", KafkaError)
def test_an_error_is_retriable_where_kafkas_clients_retry(error):
    assert error.retriable == ErrorCode(error.value).retriable
