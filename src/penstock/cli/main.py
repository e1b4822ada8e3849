"""`penstock`: finds the module of the command that was named, and imports no other."""

import os
import sys
from importlib import import_module
from typing import NamedTuple


class Noun(NamedTuple):
    """One command. module: in this package; attribute: its Typer app or its function; help: for the overview."""

    module: str
    attribute: str
    help: str


NOUNS = {
    "broker": Noun("broker", "main", "Run one Kafka broker in the foreground."),
    "up": Noun("up", "main", "Run everything: Kafka, and its metrics."),
    "topic": Noun("topic", "app", "Create, list, describe, alter and delete topics."),
    "group": Noun("group", "app", "List and describe groups, reset their offsets, delete them."),
    "produce": Noun("produce", "produce", "Lines or JSON in, records out."),
    "consume": Noun("consume", "consume", "Records in, lines or JSON out."),
    "perf": Noun("perf", "app", "Measure produce and consume rates."),
    "demo": Noun("demo", "app", "Worked examples on real input."),
}


def main() -> None:
    arguments = sys.argv[1:]
    noun = NOUNS.get(arguments[0]) if arguments else None
    if noun is None:
        overview(arguments)
        return
    try:
        command = load(noun)
        command(args=arguments[1:], prog_name=f"penstock {arguments[0]}")
    except KeyboardInterrupt:
        # Before the command has its own answer to Ctrl-C: while its libraries are still being imported.
        sys.exit(130)


def load(noun: Noun):
    """Something to call with `args` and `prog_name`."""
    found = getattr(import_module(f"penstock.cli.{noun.module}"), noun.attribute)
    if noun.attribute == "main":
        return found
    import typer

    if not isinstance(found, typer.Typer):
        app = typer.Typer(add_completion=False)
        app.command()(found)
        found = app
    return typer.main.get_command(found)


def overview(arguments: list[str]) -> None:
    """`penstock`, `penstock --help`, `penstock --version`, and names that are none."""
    from penstock import __version__

    if arguments in (["--version"], ["-V"]):
        print(f"penstock {__version__}")
        return
    lines = [f"  {name:<9} {noun.help}" for name, noun in NOUNS.items()]
    text = "\n".join(
        ["Usage: penstock COMMAND [OPTIONS]", "", "Commands:", *lines, "", "penstock COMMAND --help says more."]
    )
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        try:
            print(text, flush=True)
        except BrokenPipeError:
            # The reader (`| head`) has had enough; Python must not try again as it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    print(f"penstock: there is no command {arguments[0]!r}\n\n{text}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
