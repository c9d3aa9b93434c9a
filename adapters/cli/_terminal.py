"""How verbs speak: data to stdout, questions and hints to stderr, exit codes 0 fine, 1 found something, 2 cannot."""

from __future__ import annotations

import asyncio
import getpass
import os
import shlex
import shutil
import sys
from collections.abc import Coroutine, Mapping, Sequence
from typing import Annotated, Any, NoReturn, TypeVar

import orjson
import typer

from adapters.acts.installation import Installation
from adapters.cli._escape import visible
from adapters.cli._lists import laid_out, plain_table
from adapters.views.reading import Unreachable

T = TypeVar("T")

FOUND, CANNOT, INTERRUPTED = 1, 2, 130
DEFAULT_LIMIT = 50

Json = Annotated[bool, typer.Option("--json", help="Machine-readable: contract field names, money as text, UTC.")]
OwnerFilter = Annotated[str, typer.Option("--owner", help="Only of this team: finance, operations, cx, warehouse, ...")]
KindFilter = Annotated[str, typer.Option("--kind", help="Only of this kind.")]
Limit = Annotated[int, typer.Option(min=1, help="How many rows to show.")]
All = Annotated[bool, typer.Option("--all", help="Show every row.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit.")]
By = Annotated[str, typer.Option(default_factory=getpass.getuser, help="Who; your login name if you do not say.")]


def installation() -> Installation:
    """The installation that the settings name; raises `SettingsFaults`."""
    from adapters.settings import Settings

    settings = Settings()
    topology, connection = settings.topology(), settings.connection()
    return Installation(topology, connection.consumer, connection.producer, connection.admin)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; a broker that cannot be reached is exit code 2 and one sentence."""
    try:
        return asyncio.run(work)
    except Unreachable as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def fail(sentence: str) -> NoReturn:
    hint(sentence)
    raise typer.Exit(CANNOT)


def out(text: str) -> None:
    """A line of data; whatever in it came from outside is made visible."""
    typer.echo(visible(text))


def out_json(value: Any) -> None:
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def hint(text: str) -> None:
    """A line beside the data."""
    typer.echo(visible(text), err=True)


def confirm(question: str, *, yes: bool, command: str) -> None:
    """Ask before a write. Not a terminal: no prompt; without --yes exit code 2 and the command to use."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        fail(f"{question} Nothing was done: this is not a terminal. Use:\n  {command} --yes")
    if not typer.confirm(question, default=False, err=True):
        hint("Nothing was done.")
        raise typer.Exit(0)


def command_line(verb: Sequence[str], options: Mapping[str, str | None]) -> str:
    """A command as it can be typed again."""
    words = ["reveni-streams", *verb]
    for name, value in options.items():
        if value:
            words += [name, value]
    return shlex.join(words)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, limit: int | None = DEFAULT_LIMIT) -> None:
    """At most `limit` rows, and the sentence that says so; on a terminal laid out for its width."""
    shown = [[text(cell) for cell in row] for row in (rows if limit is None else rows[:limit])]
    if is_terminal():
        for line in laid_out(columns, shown, shutil.get_terminal_size().columns):
            out(line)
    else:
        for line in plain_table(columns, shown):
            out(line)
    if len(shown) < len(rows):
        hint(f"{len(shown)} of {len(rows)}, --all")


def is_terminal() -> bool:
    """Whether people read standard output as it comes."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def text(cell: Any) -> str:
    """A cell on one line; what is not there is a dash."""
    return "-" if cell is None or cell == "" else visible(" ".join(str(cell).split()))


def only(found: Sequence[dict[str, Any]], owner: str, kind: str) -> list[dict[str, Any]]:
    """The entries of one team and one kind; empty: of any."""
    return [item for item in found if owner in ("", item["owner"]) and kind in ("", item["kind"])]


def nothing(sentence: str, owner: str, kind: str) -> str:
    """Nothing is open, and nothing matches, are two sentences."""
    return "Nothing matches; leave out --owner and --kind to see all." if owner or kind else sentence
