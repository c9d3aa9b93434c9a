"""`reveni-streams decide`: an operator's decision about one order, followed until it is ruled on."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters.acts.audit import Actor
from adapters.acts.deciding import ABOUT_THE_ORDER, Decision, Ruled, aftermath, decision, still_open
from adapters.acts.deciding import decide as write
from adapters.acts.installation import Installation
from adapters.acts.targets import NoTarget, Target, by_id, expect_decidable, of_order
from adapters.cli._terminal import FOUND, By, Reason, Yes, command_line, confirm, fail, hint, installation, out, run
from adapters.views.reading import row_values, rows
from streams.facts import Undecodable
from streams.row import Row

WAIT_SECONDS = 15.0

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="""Decide about one order; void, and said so, when what you saw has moved on.

    Examples: decide retry DLQ_ID --reason "customer is active again" · decide approve --order 5001 --reason checked ·
    decide name-order --order 5001 --to SO-77 --reason migrated
    """,
)

Ident = Annotated[str, typer.Argument(metavar="ID", help="Id of the exception (dlq id) or of the command.")]
Order = Annotated[str, typer.Option("--order", help="The order, where one thing only is to be decided about it.")]
Wait = Annotated[float, typer.Option(min=0, help="How many seconds to wait for the ruling.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait for the ruling.")]

PLAIN = {
    "approve": "Say yes to what waits for approval.",
    "reject": "Say no: the document is not made.",
    "retry": "Try one refused effect again, from what is known today.",
    "post-anyway": "Post what is held although something does not add up.",
}
"""The kinds that need nothing but what they are about."""


def _plain(verb: str, sentence: str) -> None:
    def command(
        reason: Reason,
        by: By,
        ident: Ident = "",
        order: Order = "",
        yes: Yes = False,
        wait: Wait = WAIT_SECONDS,
        no_wait: NoWait = False,
    ) -> None:
        _decide(verb, ident, order, by, reason, yes, 0 if no_wait else wait, {})

    app.command(verb, help=sentence)(command)


for _verb, _sentence in PLAIN.items():
    _plain(_verb, _sentence)


@app.command("done-by-hand")
def done_by_hand(
    reason: Reason,
    by: By,
    number: Annotated[str, typer.Option(help="The document's number in the other system.")],
    ident: Ident = "",
    order: Order = "",
    yes: Yes = False,
    wait: Wait = WAIT_SECONDS,
    no_wait: NoWait = False,
) -> None:
    """Somebody made the document in the other system: nothing is sent."""
    _decide("done-by-hand", ident, order, by, reason, yes, 0 if no_wait else wait, {"number": number})


@app.command("name-order")
def name_order(
    reason: Reason,
    by: By,
    to: Annotated[str, typer.Option(help="What the order is called in the other system.")],
    ident: Ident = "",
    order: Order = "",
    yes: Yes = False,
    wait: Wait = WAIT_SECONDS,
    no_wait: NoWait = False,
) -> None:
    """Say what the order is called in the other system."""
    _decide("name-order", ident, order, by, reason, yes, 0 if no_wait else wait, {"to": to})


@app.command("map-sku")
def map_sku(
    reason: Reason,
    by: By,
    to: Annotated[str, typer.Option(help="What the item is called now.")],
    sku: Annotated[str, typer.Option(help="The SKU in the return; left out: the exception's.")] = "",
    ident: Ident = "",
    order: Order = "",
    yes: Yes = False,
    wait: Wait = WAIT_SECONDS,
    no_wait: NoWait = False,
) -> None:
    """Say what an item is called now, for this order only; the profile changes by `profile publish`."""
    _decide("map-sku", ident, order, by, reason, yes, 0 if no_wait else wait, {"sku": sku, "to": to})


def _decide(
    verb: str, ident: str, order: str, by: str, reason: str, yes: bool, wait: float, fields: dict[str, str]
) -> None:
    kind = verb.replace("-", "_")
    try:
        actor = Actor(by, reason)
        place = installation()
        row, target = run(_about(place, kind, ident, order))
        if kind == "map_sku" and not fields["sku"]:
            fields["sku"] = _sku(row, target)
        if target is not None:
            expect_decidable(target, kind)
        wanted = decision(kind, row.order_key, actor, target, fields)
    except (NoTarget, ValueError, Undecodable) as error:
        fail(str(error))
    given = {f"--{name}": value for name, value in fields.items()}
    words = ["decide", verb, *([ident] if ident else [])]
    again = command_line(words, {"--order": order, **given, "--reason": reason, "--by": by})
    confirm(_question(verb, row, target, fields), yes=yes, command=again)
    tell(wanted, target, run(write(place, actor, wanted, wait=wait)), wait)


async def _about(place: Installation, kind: str, ident: str, order: str) -> tuple[Row, Target | None]:
    """The order's row and what is decided about it; raises `NoTarget`."""
    changelog = place.topology.sequencer_changelog
    if ident:
        row, target = by_id(await row_values(place.new_consumer, changelog), ident)
        if order and order != row.order_key:
            raise NoTarget(f"{ident} belongs to order {row.order_key}, not to {order}.")
        return row, target
    if not order:
        raise NoTarget("Say what it is about: an id, or --order ORDER.")
    found = (await rows(place.new_consumer, changelog, order.encode())).get(order)
    if found is None:
        raise NoTarget(f"No order {order}.")
    if kind in ABOUT_THE_ORDER:
        return found, None
    return found, of_order(found)


def _sku(row: Row, target: Target | None) -> str:
    """The SKU that the exception is about, where it is one that was returned; raises `NoTarget`."""
    named = target.mapping_key.removeprefix("skus.") if target is not None else ""
    lines = [line for register in row.returns.values() for line in register.data().get("lines") or ()]
    if not any(isinstance(line, dict) and line.get("sku") == named for line in lines):
        raise NoTarget("Say which SKU of the return: --sku SKU.")
    return named


def _question(verb: str, row: Row, target: Target | None, fields: dict[str, str]) -> str:
    about = target.title if target is not None else f"order {row.order_key}"
    given = ", ".join(f"{name} {value}" for name, value in fields.items())
    shown = f" It says: {target.shown}" if target is not None else ""
    return f"{verb.replace('-', ' ').capitalize()} {about}{f' ({given})' if given else ''}?{shown}"


def tell(wanted: Decision, target: Target | None, ruled: Ruled, wait: float) -> None:
    if ruled.row is None:
        hint(f"Decision {wanted.decision_id} is written.")
        if wait > 0:
            hint(f"No sequencer has ruled on it within {wait:g} s; it is kept, and ruled on when one reads it.")
        hint(f"Next: reveni-streams order show {wanted.order_key}")
        raise typer.Exit(FOUND if wait > 0 else 0)
    if not ruled.applied:
        out(f"{ruled.ruling}. Nothing was done.")
        hint(f"Next: reveni-streams order show {wanted.order_key}, then decide on what stands there now")
        raise typer.Exit(FOUND)
    out(f"applied: {aftermath(target, ruled.row)}")
    if still_open(target, ruled.row):
        raise typer.Exit(FOUND)
