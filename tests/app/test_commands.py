"""`penstock` without a command, with one that is none, and what naming a command imports."""

import subprocess
import sys

import pytest

from penstock import __version__
from penstock.cli import main
from penstock.cli.main import NOUNS


def penstock(*arguments):
    command = [sys.executable, "-m", "penstock.cli.main", *arguments]
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
    program = "import sys; from penstock.cli.main import NOUNS, load; load(NOUNS['broker'])"
    program += "; import penstock.app.broker_process, penstock.app.options; print(*sys.modules)"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    imported = set(ended.stdout.split())
    assert "penstock.cli.broker" in imported
    assert not imported & {"typer", "click", "rich", "confluent_kafka", "prometheus_client", "penstock.cli.topic"}


def test_ctrl_c_while_a_command_is_being_loaded_ends_it_quietly(monkeypatch):
    def interrupted(noun):
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "load", interrupted)
    monkeypatch.setattr(sys, "argv", ["penstock", "broker"])

    with pytest.raises(SystemExit) as ended:
        main.main()

    assert ended.value.code == 130
