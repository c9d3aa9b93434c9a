"""`reveni-streams order show`: where one order is and what it waits for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from adapters.acts.installation import Installation
from adapters.acts.publishing import TOPIC as PROFILES
from adapters.acts.publishing import time_zone
from adapters.cli._order_text import MOST_EVENTS, order_text
from adapters.cli._terminal import CANNOT, FOUND, Json, fail, hint, installation, out, out_json, run
from adapters.cli._wording import zone_of
from adapters.views.order import is_late, show
from adapters.views.reading import row_values
from adapters.views.search import SEARCHED, near, orders_with

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="One order: where it is, what it waits for."
)


@app.callback()
def _group() -> None:
    """A callback keeps `show` a verb of its own."""


@app.command("show")
def order_show(
    ident: Annotated[str, typer.Argument(metavar="ID", help="Order, return, refund, document or exception.")],
    json: Json = False,
    all_events: Annotated[bool, typer.Option("--all", help=f"Every event, not the newest {MOST_EVENTS}.")] = False,
) -> None:
    """The whole life of one order.

    Examples: reveni-streams order show 5001 · order show RA-7731 · order show 5001 --json
    """
    now = datetime.now(UTC)
    found, zone = run(_look_up(installation(), ident, with_zone=not json))
    if json:
        out_json(found)
    else:
        for line in order_text(found, now, zone_of(zone), events=None if all_events else MOST_EVENTS):
            out(line)
        hint(f"as of {now.astimezone(zone_of(zone)).strftime('%H:%M:%S %Z')}")
        first = next((entry["dlq_id"] for entry in found["exceptions"] if entry["dlq_id"]), None)
        if first:
            hint(f"Next: reveni-streams dlq show {first}")
    if found["exceptions"] or is_late(found):
        raise typer.Exit(FOUND)


async def _look_up(place: Installation, ident: str, *, with_zone: bool) -> tuple[dict[str, Any], str]:
    found = await show(place.new_consumer, place.topology, ident)
    if found is None:
        key = await _key_of(place, ident)
        found = await show(place.new_consumer, place.topology, key)
        assert found is not None  # its row was just read
    zone = await time_zone(place.new_consumer, place.topology.named(PROFILES)) if with_zone else "UTC"
    return found, zone


async def _key_of(place: Installation, ident: str) -> str:
    """The order that another id belongs to; ends the verb when there is none, or more than one."""
    values = await row_values(place.new_consumer, place.topology.sequencer_changelog)
    matches = orders_with(values, ident)
    if len(matches) == 1:
        return matches[0].order_key
    if matches:
        fail(f"{ident} belongs to {len(matches)} orders: {', '.join(sorted(row.order_key for row in matches)[:10])}")
    similar = near(values, ident)
    hint(f"No order {ident}. We looked in {SEARCHED}.")
    if similar:
        hint(f"Near it: {', '.join(similar)}")
    raise typer.Exit(CANNOT)
