"""pytest fixtures for tests that need a Kafka: `kafka` and `kafka_function`.

pytest imports this module in every run of every project that has penstock installed, so it imports nothing itself.
"""

import pytest

SCOPES = ("session", "package", "module", "class", "function")


def pytest_addoption(parser):
    parser.addini("penstock_scope", f"how long one `kafka` fixture lives: {', '.join(SCOPES)}", default="session")
    parser.addini("penstock_process", "run it as a process of its own, not a thread", type="bool", default=False)
    parser.addini(
        "penstock_on_disk", "keep its data in a temporary directory, not in memory", type="bool", default=False
    )
    parser.addini("penstock_configs", "Kafka's broker settings, NAME=VALUE a line", type="linelist", default=[])
    group = parser.getgroup("penstock")
    group.addoption("--penstock-scope", choices=SCOPES, help="overrides penstock_scope")
    group.addoption("--penstock-process", action="store_true", default=None, help="overrides penstock_process")
    group.addoption("--penstock-on-disk", action="store_true", default=None, help="overrides penstock_on_disk")


def _option(config, name):
    given = config.getoption(name)
    return config.getini(name) if given is None else given


def _scope(fixture_name, config):
    scope = _option(config, "penstock_scope")
    if scope not in SCOPES:
        raise pytest.UsageError(f"penstock_scope = {scope!r}: expected one of {', '.join(SCOPES)}")
    return scope


def _run(config):
    from penstock.testing.embedded import kafka

    lines = config.getini("penstock_configs")
    wrong = [line for line in lines if "=" not in line]
    if wrong:
        raise pytest.UsageError(f"penstock_configs has the line {wrong[0]!r}: expected NAME=VALUE")
    configs = dict(line.split("=", 1) for line in lines)
    as_process = _option(config, "penstock_process")
    return kafka(configs=configs, as_process=as_process, in_memory=not _option(config, "penstock_on_disk"))


@pytest.fixture(scope=_scope)
def kafka(request):
    """A running broker, shared as penstock_scope says: `.bootstrap_servers`, `.topic(partitions=3)`."""
    with _run(request.config) as running:
        yield running


@pytest.fixture
def kafka_function(request):
    """A broker of one test's own."""
    with _run(request.config) as running:
        yield running
