"""The broker that real clients talk to, and names that do not meet."""

import itertools
import uuid
from pathlib import Path

import pytest

from .servers import SERVERS, Server, apache

HERE = Path(__file__).parent
# The first run of a machine builds programs in Go and Rust within some test.
TIMEOUT_SECONDS = 900


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.clients)
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))
            if "apache_neighbour" in item.fixturenames or config.getoption("--broker") == "apache":
                item.add_marker(pytest.mark.apache)


@pytest.fixture(scope="session")
def broker(request, tmp_path_factory) -> Server:
    """Penstock, or whom `--broker` names, started once for all compatibility suites."""
    name = request.config.getoption("--broker")
    with SERVERS[name](tmp_path_factory.mktemp(name)) as server:
        yield server


@pytest.fixture(scope="session")
def apache_neighbour(tmp_path_factory) -> Server:
    """Apache Kafka with the same settings, to compare with."""
    with apache(tmp_path_factory.mktemp("neighbour")) as server:
        yield server


@pytest.fixture(scope="session")
def _fresh():
    return itertools.count()


@pytest.fixture
def topic(request, _fresh) -> str:
    """A name no other test has; the topic itself is not created."""
    return f"t{next(_fresh)}-{uuid.uuid4().hex[:6]}"
