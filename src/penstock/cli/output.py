"""Results as a table for eyes or as JSON for programs, from the same rows."""

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


Output = Annotated[Format, typer.Option("--output", "-o", help="A table for eyes, or JSON for programs.")]


def show(rows: Sequence[Mapping[str, Any]], output: Format, *, title: str | None = None) -> None:
    """Prints rows that share their keys; the keys are the column heads.

    JSON: one array of objects, values as they are. Table: lists joined by commas, None as a dash, numbers to the right;
    without a terminal the table is plain text, two spaces between columns, never cut.
    """
    if output is Format.JSON:
        print(json.dumps(list(rows), indent=2, default=str))
    elif not sys.stdout.isatty():
        print_plain(rows)
    else:
        print_rich(rows, title)


def cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(str(item) for item in value)
    if isinstance(value, Mapping):
        return ",".join(f"{name}={text}" for name, text in value.items())
    return str(value)


def print_plain(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    heads = [name.upper().replace("_", "-") for name in rows[0]]
    lines = [heads, *([cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def print_rich(rows: Sequence[Mapping[str, Any]], title: str | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not rows:
        console.print("[dim]none[/dim]")
        return
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
    for name, value in rows[0].items():
        table.add_column(name.replace("_", " "), justify="right" if isinstance(value, int | float) else "left")
    for row in rows:
        table.add_row(*(cell(value) for value in row.values()))
    console.print(table)


def say(sentences: Sequence[str], output: Format, **facts: Any) -> None:
    """Sentences for eyes, a line each, or the facts behind them as a JSON object."""
    for line in [json.dumps(facts, default=str)] if output is Format.JSON else sentences:
        print(line)
