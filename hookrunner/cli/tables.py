"""Tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from hookrunner.core.visible import visible
from hookrunner.model import times
from hookrunner.model.obstacle import Advice

_WIDTH = 80


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, folding: str | None = None) -> None:
    """Print a table of at most 80 columns; bold headings on a terminal, plain text elsewhere.

    Where it is wider its columns fold, or just the ``folding`` one.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=_WIDTH, highlight=False, emoji=False, markup=False, soft_wrap=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=folding not in (None, column))
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    with console.capture() as shown:
        console.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in shown.get().splitlines()))


def show_json(noun: str, value: Any) -> None:
    """Print ``{"schema": 1, "<noun>": value}``."""
    json.dump({"schema": 1, noun: value}, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def moment(value: datetime | None) -> str | None:
    """A moment for JSON."""
    return times.written(value) if value else None


def advice_json(advice: Iterable[Advice]) -> list[str]:
    """What can be done, for JSON: one text each."""
    return [" ".join(filter(None, one)) for one in advice]


def day(value: datetime | None) -> str:
    """A moment for people."""
    return f"{value:%Y-%m-%d}" if value else "-"
