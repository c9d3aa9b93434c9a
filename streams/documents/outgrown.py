"""An authorisation that no longer says what comes back: closed and made anew, or shown to a person.

While nothing was made from it, it is closed and a further one takes its place, and notes and receipts wait for that.
Once it was credited or received its units cannot be counted a second time: it stays, beside one exception.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from streams.case import Case
from streams.commands import Body, body_hash
from streams.returns import Return
from streams.verdicts import Held
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus, Owner

AUTHORISATION, CLOSING = DocumentKind.RETURN_AUTHORISATION, DocumentKind.RETURN_CLOSING
_MADE_FROM_IT = (DocumentKind.CREDIT_NOTE, DocumentKind.ITEM_RECEIPT)


def is_closed(case: Case, subject: str) -> bool:
    """Whether an authorisation was closed; should Reveni reopen its return, a further one is made."""
    return case.done_body(CLOSING, subject) is not None


def difference(case: Case, ret: Return, body: Body) -> str:
    """What a posted authorisation says otherwise than the return does now, in words; empty: they agree.

    Lines that it does not hold get a further authorisation, and a line that makes no sense now says nothing.
    """
    if ret.nameless_lines:
        return ""  # the lines that it holds may be among what cannot be read
    lines = {line.line_id: line for line in ret.lines}
    units: Counter[str] = Counter()  # of a line that stands on several rows
    for posted in body["lines"]:
        units[str(posted["line_id"])] += int(posted["quantity"])
    for posted in body["lines"]:
        line = lines.get(str(posted["line_id"]))
        name = f"line {posted['line_id']} ({posted['sku']})"
        if line is None:
            return f"it holds {name}, which the return has no more"
        if line.fault:
            continue
        if line.quantity != units[line.line_id]:
            return f"it holds {units[line.line_id]} of {name}, the return sends back {line.quantity}"
        # Both are the return's own words, then and now: here an empty id does equal an empty one.
        same_line = line.order_line_id == posted["order_line_id"]
        if not same_line or not case.same_sku(line.component_sku or line.sku, str(posted["sku"])):
            return f"it holds another item as {name} than the return sends back"
    return ""


def is_replaced(case: Case, subject: str, differs: str) -> bool:
    """Whether the authorisation is being closed for another one to take its place."""
    cid = case.command_id(CLOSING, subject)
    issued = case.row.issued.get(cid)
    if issued is not None and not case.row.is_settled(issued):
        return True  # it may be closed at any moment, whatever the return says by now
    made = case.row.outcome_of(case.command_id(AUTHORISATION, subject))
    if not differs or made.number is None or case.ruling("reject", cid):
        return False  # what a person made by hand, a person mends
    refused = case.row.outcome_of(cid).last
    if issued is not None and refused is not None and refused["status"] == OutcomeStatus.REFUSED.value:
        return case.retried(cid, issued.command.revision)
    return not _is_used(case, made.number)


def _is_used(case: Case, number: str) -> bool:
    """Whether a note or a receipt was made from it."""
    for issued in case.row.issued.values():
        command = issued.command
        if command.kind in _MADE_FROM_IT and command.account == case.account:
            body = case.done_body(command.kind, command.subject)
            if body is not None and _source(body) == number:
                return True
    return False


def _source(body: Mapping[str, Any]) -> str:
    source = body.get("source")
    return str(source["number"]) if source else ""


def shown(case: Case, subject: str, differs: str, body: Body) -> Held | None:
    """The exception beside an authorisation that stays; a person who has mended it, or lets it be, says yes to it."""
    cid = case.command_id(AUTHORISATION, subject)
    if not differs or case.allowed(cid, body_hash(body)):
        return None
    number = case.row.outcome_of(cid).number or "(made by hand)"
    sentence = f"Return authorisation {number} stands as it was made: {differs} now. Amend it, or say that it may stay."
    return Held(ErrorKind.MISMATCH, sentence, Owner.WAREHOUSE, body=body)
