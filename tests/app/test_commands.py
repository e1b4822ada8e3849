"""`penstock` without a command, with one that is none, and what naming a command imports."""

import subprocess
import sys

import pytest

from penstock import __version__
from penstock.cli.main import NOUNS


def penstock(*arguments, python=()):
    command = [sys.executable, *python, "-m", "penstock.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["help"]])
def test_the_overview_names_every_command(arguments):
    ended = penstock(*arguments)

    assert ended.returncode == 0
    assert [line.split()[0] for line in ended.stdout.splitlines() if line.startswith("  ")] == list(NOUNS)


def test_the_version_is_told():
    assert penstock("--version").stdout == f"penstock {__version__}\n"


def test_a_command_that_is_none_is_wrong_usage():
    ended = penstock("topics")

    assert ended.returncode == 2
    assert "there is no command 'topics'" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("noun", NOUNS)
def test_every_command_has_its_help(noun):
    ended = penstock(noun, "--help")

    assert ended.returncode == 0
    assert f"penstock {noun}" in ended.stdout


def test_a_broker_starts_without_the_libraries_of_other_commands():
    imported = penstock("broker", "--help", python=["-X", "importtime"]).stderr

    assert "penstock.cli.broker" in imported
    for library in ("typer", "rich", "confluent_kafka", "prometheus_client", "penstock.cli.topic", "asyncio"):
        assert f"| {library}\n" not in imported.replace("  ", "")
