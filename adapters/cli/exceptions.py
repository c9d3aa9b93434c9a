"""`reveni-streams exceptions`: what needs a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import typer

from adapters.cli._terminal import (
    DEFAULT_LIMIT,
    FOUND,
    All,
    Json,
    KindFilter,
    Limit,
    OwnerFilter,
    hint,
    installation,
    nothing,
    only,
    out_json,
    run,
    table,
)
from adapters.cli._wording import age, step_name
from adapters.views import lists
from adapters.views.deadletters import dead_letters
from adapters.views.reading import rows


def exceptions(
    json: Json = False,
    owner: OwnerFilter = "",
    kind: KindFilter = "",
    limit: Limit = DEFAULT_LIMIT,
    all_rows: All = False,
) -> None:
    """What needs a person, oldest first: exceptions, orders that stand still, dead records; exit code 1 if any.

    Examples: reveni-streams exceptions · exceptions --owner finance · exceptions --kind unmapped --json
    """
    place = installation()

    async def read() -> list[dict[str, Any]]:
        orders = await rows(place.new_consumer, place.topology.sequencer_changelog)
        letters = await dead_letters(place.new_consumer, place.topology.prefix)
        return lists.exceptions(orders.values(), letters.values())

    found = only(run(read()), owner, kind)
    if json:
        out_json(found)
    elif not found:
        hint(nothing("No open exceptions.", owner, kind))
    else:
        now = datetime.now(UTC)
        table(
            ("order", "step", "kind", "owner", "since", "dlq id", "reason, and what to do"),
            [
                (
                    item["order_id"],
                    step_name(item["step"] or "", item.get("subject") or "", return_id=item["return_id"]),
                    item["kind"],
                    item["owner"],
                    age(item["since"], now),
                    item["dlq_id"],
                    f"{item['reason']} {item['next'] or ''}".rstrip(),
                )
                for item in found
            ],
            limit=None if all_rows else limit,
        )
        hint("Next: reveni-streams dlq show DLQ_ID, or reveni-streams decide --help")
    if found:
        raise typer.Exit(FOUND)
