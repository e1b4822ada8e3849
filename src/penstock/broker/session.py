"""What the broker knows of one connection."""

from typing import Any

ANONYMOUS = "User:ANONYMOUS"


class Session:
    """One client connection; handlers read it, the server fills it.

    listener: its name, which decides the address that Metadata answers; principal: "User:name"; version and client_id:
    of the request in hand, set before each call; software_*: from ApiVersions 3+, "unknown" until then.
    produced, fetched: what `apis.repeated` remembers, None until there is something.
    """

    __slots__ = (
        "client_host",
        "client_id",
        "client_port",
        "fetched",
        "listener",
        "principal",
        "produced",
        "software_name",
        "software_version",
        "version",
    )

    def __init__(
        self,
        listener: str = "PLAINTEXT",
        client_host: str = "127.0.0.1",
        client_port: int = 0,
        principal: str = ANONYMOUS,
    ) -> None:
        self.listener = listener
        self.client_host = client_host
        self.client_port = client_port
        self.principal = principal
        self.client_id: str | None = None
        self.version = 0
        self.software_name = "unknown"
        self.software_version = "unknown"
        self.produced: Any = None
        self.fetched: Any = None

    def __repr__(self) -> str:
        return f"Session({self.principal} at {self.client_host}:{self.client_port} on {self.listener})"
