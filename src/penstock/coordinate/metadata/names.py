"""Which names a topic may have.  Source: Kafka's Topic class."""

import re
from typing import Final

CLUSTER_METADATA: Final = "__cluster_metadata"
INTERNAL_TOPICS: Final = frozenset(("__consumer_offsets", "__transaction_state", "__share_group_state"))

LENGTH_MAX: Final = 249
_LEGAL = re.compile(r"[a-zA-Z0-9._-]+")


def is_topic_name(name: str) -> bool:
    return not name_fault(name)


def name_fault(name: str) -> str:
    """Why no topic can be called so; "" when one can."""
    if not name:
        return "a topic needs a name, the empty text is none"
    if name in (".", ".."):
        return f"a topic cannot be called {name!r}: its directory could not"
    if len(name) > LENGTH_MAX:
        return f"the topic name {name[:40]!r}... has {len(name)} characters, at most {LENGTH_MAX} are allowed"
    if not _LEGAL.fullmatch(name):
        return f"the topic name {name!r} has characters other than ASCII letters, digits, '.', '_' and '-'"
    return ""


def folded(name: str) -> str:
    """Equal for names that would collide: metrics write '.' as '_'."""
    return name.replace(".", "_")
