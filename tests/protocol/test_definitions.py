"""Our definitions against Kafka's JSON, fact by fact and both ways."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.protocol import catalog
from penstock.protocol.notation import Field, NotationError, Range, Struct, blocks, read_definition, to_attribute

from .kafka_json import definitions, versions

NUMBERS = ("int8", "int16", "uint16", "int32", "uint32", "int64", "float64")
KINDS = {"coordinator-key": "key", "coordinator-value": "value"}


def within(range_: Range, limit: frozenset[int]) -> frozenset[int]:
    return frozenset(version for version in limit if range_.has(version))


def our_facts(fields: list[Field], limit: frozenset[int], path: str, inline: bool) -> dict[str, Any]:
    """What we say of each field, by path, restricted to the versions in which it can occur."""
    facts: dict[str, Any] = {}
    for order, entry in enumerate(fields):
        here = within(entry.versions, limit)
        facts[f"{path}{entry.name}"] = {
            "order": order,
            "type": ("[]" if entry.is_array else "") + entry.base,
            "versions": here,
            "nullable": within(entry.nullable, here),
            "tag": entry.tag,
            "tagged": within(entry.tagged, here),
            "default": entry.default,
            "ignorable": entry.ignorable,
            "inflexible": entry.inflexible,
        }
        if entry.struct is not None and inline:
            facts |= our_facts(entry.struct.fields, here, f"{path}{entry.name}.", inline)
    return facts


def their_facts(fields: list[Any], common: dict[str, Any], limit: frozenset[int], path: str) -> dict[str, Any]:
    """The same of Kafka's JSON; fields of no valid version do not exist."""
    facts: dict[str, Any] = {}
    order = 0
    for entry in fields:
        here = versions(entry.get("versions", entry.get("taggedVersions"))) & limit
        if not here:
            continue
        nullable = versions(entry.get("nullableVersions")) & here
        facts[f"{path}{entry['name']}"] = {
            "order": order,
            "type": entry["type"],
            "versions": here,
            "nullable": nullable,
            "tag": entry.get("tag"),
            "tagged": versions(entry.get("taggedVersions")) & here,
            "default": their_default(entry),
            "ignorable": entry.get("ignorable", False) in (True, "true"),
            "inflexible": entry.get("flexibleVersions") == "none",
        }
        order += 1
        inner = entry.get("fields") or common.get(entry["type"].removeprefix("[]"))
        if inner is not None:
            facts |= their_facts(inner, common, here, f"{path}{entry['name']}.")
    return facts


def their_default(entry: dict[str, Any]) -> Any:
    """Kafka's default in our terms; a JSON null means none was given, the string "null" means null."""
    kind, text = entry["type"], entry.get("default")
    if text == "null" or kind == "records":
        return None
    if kind.startswith("[]"):
        return ()
    if kind in NUMBERS:
        number = int(str(text or 0), 0)
        return float(number) if kind == "float64" else number
    plain = {"bool": str(text).lower() == "true", "string": text or "", "bytes": b"", "uuid": bytes(16)}
    return plain.get(kind, ...)


def test_no_message_is_missing_and_none_is_invented():
    ours, theirs = set(catalog.names()), set(definitions())

    assert ours == theirs
    assert len(theirs) > 250


@pytest.mark.parametrize("name", catalog.names())
def test_a_definition_says_what_kafka_says(name):
    ours, theirs = catalog.schema(name), definitions()[name]
    valid = versions(theirs["validVersions"])

    assert within(ours.versions, valid) == frozenset(range(ours.versions.low, ours.versions.high + 1)) == valid
    assert ours.kind == KINDS.get(theirs["type"], theirs["type"])
    assert ours.key == theirs.get("apiKey", -1)
    assert ours.unstable == (theirs.get("latestVersionUnstable") is True)
    assert set(ours.listeners) == set(theirs.get("listeners", ()))
    assert within(ours.flexible, valid) == versions(theirs["flexibleVersions"]) & valid
    common = {struct["name"]: struct["fields"] for struct in theirs.get("commonStructs", ())}
    assert our_facts(ours.root.fields, valid, "", True) == their_facts(theirs["fields"], common, valid, "")


@pytest.mark.parametrize("name", catalog.names())
def test_shared_types_say_what_kafka_says(name):
    ours, theirs = catalog.schema(name), definitions()[name]
    shared = {struct["name"]: struct for struct in theirs.get("commonStructs", ())}

    for struct_name, struct in shared.items():
        limit = versions(struct["versions"]) & versions(theirs["validVersions"])
        mine: Struct = ours.structs[struct_name]
        assert within(mine.versions, limit) == limit
        assert our_facts(mine.fields, limit, "", False) == {
            path: fact for path, fact in their_facts(struct["fields"], {}, limit, "").items() if "." not in path
        }


@pytest.mark.parametrize("name", catalog.names())
def test_no_two_fields_of_a_struct_share_a_python_name(name):
    definition = catalog.schema(name)

    for struct in (definition.root, *definition.structs.values()):
        attributes = [entry.attribute for entry in struct.fields]
        assert len(set(attributes)) == len(attributes)
        assert not set(attributes) & set(definition.structs)


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("TimeoutMs", "timeout_ms"), ("HostURL", "host_url"), ("KRaftVersion", "k_raft_version"), ("topicId", "topic_id")],
)
def test_a_field_gets_a_python_name(name, attribute):
    assert to_attribute(name) == attribute


@pytest.mark.parametrize(
    "block",
    [
        "Nonsense",
        "A: request 1, versions 0",
        "A: request 1, versions 0, flexible none\n  Name",
        "A: request 1, versions 0, flexible none\n  Name string optional",
        "A: request 1, versions 0, flexible none\n  Name Undeclared",
    ],
)
def test_a_definition_that_cannot_be_read_is_refused(block):
    with pytest.raises(NotationError):
        read_definition(block)


def test_definitions_are_parted_by_empty_lines():
    found = blocks("\nA: x\n  B int8\n\nC: y\n")

    assert found == {"A": "A: x\n  B int8", "C": "C: y"}
