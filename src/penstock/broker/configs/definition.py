"""One of Kafka's configs, and what becomes of it here."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from penstock.kit.settings import Definition, SettingError, Value


class Update(StrEnum):
    """Whether a broker config can be changed while the broker runs, and for whom. The words are Kafka's."""

    READ_ONLY = "read-only"
    PER_BROKER = "per-broker"
    CLUSTER_WIDE = "cluster-wide"


class Stance(StrEnum):
    """What a value does."""

    ACTS = "acts"
    INERT = "inert"
    REFUSED = "refused"


# Why only one value of a config is taken.
REASONS = {
    "acl": "access control is not served yet",
    "both-roles": "the node is broker and controller in one",
    "one-directory": "all data lies in one directory",
    "one-node": "one node holds one copy",
    "plugins": "Java classes cannot be loaded",
    "quotas": "quotas are not served yet",
    "remote": "remote storage is not served",
    "sasl": "SASL is not served yet",
    "tls": "TLS is not served yet",
    "tokens": "delegation tokens are not served",
    "two-phase": "two-phase commit is not served",
    "unstable": "only what is final is served",
}


@dataclass(frozen=True, slots=True)
class Synonym:
    """A broker config that gives another config its default. factor: from its unit to that of the other."""

    name: str
    factor: int = 1


@dataclass(frozen=True, slots=True)
class Config(Definition):
    """internal: not listed by DescribeConfigs; why: it is REFUSED; synonyms: the first that is set counts."""

    update: Update = Update.READ_ONLY
    stance: Stance = Stance.INERT
    why: str = ""
    internal: bool = False
    synonyms: tuple[Synonym, ...] = ()


def taken(catalog: Mapping[str, Config], own: Mapping[str, str]) -> dict[str, Value]:
    """The values of `own`, typed; without those that were accepted once, by another version, and would not be now."""
    values: dict[str, Value] = {}
    for name, text in own.items():
        with suppress(KeyError, SettingError):
            values[name] = catalog[name].parse(text)
    return values
