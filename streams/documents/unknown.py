"""Documents of an order of which it knows that they stand, and not what they say."""

from __future__ import annotations

from collections.abc import Container

from streams.case import Case
from streams.commands import Body, command_id
from streams.verdicts import Stop, Waits
from streams.vocabulary import DocumentKind


def wait_for_unknown(case: Case, kinds: Container[DocumentKind], body: Body) -> None:
    """A document waits while one of these kinds stands that the order does not know the content of.

    A worker that was taken for dead and goes on hears of what its successor had made, and asked for none of it: it
    counted that as nothing, and posted more than was paid (found by simulation, seed 10695). The same is true of a row
    that was lost. Once the rows are joined the document is known; where they cannot be, a person says that it may go.
    """
    for cid, known in sorted(case.row.outcomes.items()):
        if cid in case.row.issued:
            continue
        for number, done in sorted(known.done.items()):
            kind = DocumentKind(done["kind"])
            if kind in kinds:
                letter = command_id("", case.row.order_key, "order", cid)
                why = f"{kind.value.replace('_', ' ')} {number} stands, and this order does not know what it says"
                raise Stop(Waits(f"letter:{letter}", why, body=body))
