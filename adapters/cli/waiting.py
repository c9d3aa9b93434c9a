"""`reveni-streams waiting`: what every order waits for."""

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
from adapters.cli._wording import age, clock, step_name
from adapters.views import lists
from adapters.views.reading import rows


def waiting(
    json: Json = False,
    owner: OwnerFilter = "",
    kind: KindFilter = "",
    limit: Limit = DEFAULT_LIMIT,
    all_rows: All = False,
) -> None:
    """What every order waits for, the earliest due first; exit code 1 when something is late.

    Examples: reveni-streams waiting · waiting --kind inspection · waiting --json
    """
    place = installation()

    async def read() -> list[dict[str, Any]]:
        return lists.waiting((await rows(place.new_consumer, place.topology.sequencer_changelog)).values())

    found = only(run(read()), owner, kind)
    if json:
        out_json(found)
    elif not found:
        hint(nothing("Nothing waits.", owner, kind))
    else:
        now = datetime.now(UTC)
        table(
            ("order", "step", "", "waits for", "since", "due", "why"),
            [
                (
                    item["order_id"],
                    step_name(item["step"], item["subject"], return_id=item["return_id"]),
                    "LATE" if item["late"] else "wait",
                    item["for"],
                    age(item["since"], now),
                    clock(item["due"], now, UTC),
                    item["reason"],
                )
                for item in found
            ],
            limit=None if all_rows else limit,
        )
    if any(item["late"] for item in found):
        raise typer.Exit(FOUND)
