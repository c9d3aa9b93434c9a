"""Return authorisations: made from an order, from an invoice or on their own; received, credited, closed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator.account import Account, Draft
from adapters.netsuite.simulator.chart import key_of
from adapters.netsuite.simulator.errors import cannot_transform, missing_field, user_error
from adapters.netsuite.simulator.lines import Line, copy_of, member_of, same
from adapters.netsuite.simulator.records import Record
from adapters.simulators import money
from adapters.simulators.ledger import Entry

STATUSES = {
    "A": "Pending Approval",
    "B": "Pending Receipt",
    "D": "Partially Received",
    "E": "Pending Refund/Partially Received",
    "F": "Pending Refund",
    "G": "Refunded",
    "H": "Closed",
}


def set_status(record: Record, code: str) -> None:
    record.fields["orderStatus"] = record.fields["status"] = {"id": code, "refName": STATUSES[code]}


def open_for_transform(record: Record) -> None:
    """One that waits for approval, or is closed, is transformed to nothing."""
    code = record.fields["status"]["id"]
    if code in ("A", "H"):
        raise cannot_transform(f"The returnAuthorization {record.fields['tranId']} is {STATUSES[code]}.")


def refresh(record: Record) -> None:
    """The status that the lines' received and credited units make; closed stays closed."""
    if record.fields["status"]["id"] in ("A", "H"):
        return
    lines = [line for line in record.lines if not line.item.service]
    goods = [line for line in lines if not line.is_kit]
    received = all(line.received >= line.quantity for line in goods)
    some = any(line.received for line in goods)
    credited = all(line.credited >= line.quantity for line in lines if line.kit is None)
    code = "B"
    if received:
        code = "G" if credited else "F"
    elif some:
        code = "E" if credited else "D"
    set_status(record, code)


def create(account: Account, body: Mapping[str, Any]) -> Draft:
    """A standalone authorisation: no order is named, so no quantity is checked. A kit brings its members along."""
    record = account.header("returnAuthorization", body)
    if "entity" not in record.fields:
        raise missing_field("Customer", "entity")
    record.lines = _with_members(account, account.own_lines(body, record.currency))
    return authorise(account, record)


def _with_members(account: Account, lines: list[Line]) -> list[Line]:
    """The lines of a body, and the members of each kit that is named without them."""
    made = list(lines)
    for kit in lines:
        if any(line.kit == kit.number for line in lines):
            continue
        for part in kit.item.components:
            number = max(line.number for line in made) + 1
            made.append(member_of(kit, account.chart.skus[part.sku], part, number))
    return made


def from_source(account: Account, source: Record, body: Mapping[str, Any], lines: list[Line]) -> Draft:
    """An authorisation by transform; a line keeps its order line's number where it is free."""
    record = account.header("returnAuthorization", body, source)
    taken: set[int] = set()
    highest = max((line.number for line in source.lines), default=0)
    for line in lines:
        if source.type == "invoice" and line.order_line is not None:
            origin = source.line(line.order_line)
            line.order_line = origin.order_line if origin else None
        if line.order_line is None or line.order_line in taken:
            highest += 1
            line.number = highest
        else:
            line.number = line.order_line
        taken.add(line.number)
    record.lines = [*lines, *_members(source, lines, highest, record.currency)]
    return authorise(account, record)


def _members(source: Record, lines: list[Line], highest: int, currency: str) -> list[Line]:
    """The members of kits that were named without them."""
    named = {line.order_line for line in lines}
    added: list[Line] = []
    for line in lines:
        for member in source.lines:
            if line.is_kit and member.kit == line.order_line and member.number not in named:
                added.append(copy_of(member, member.per_kit * line.quantity, member.number, currency))
    return added


def authorise(account: Account, record: Record) -> Draft:
    set_status(record, "A" if account.settings.return_approval else "B")

    def entries() -> list[Entry]:
        return [
            account.entry(
                "return_authorisation",
                record,
                lines=[line.entry(record.currency) for line in record.lines],
                amount=money.text(record.total, record.currency),
                status="open",
            )
        ]

    return Draft(record, entries)


def change(account: Account, record: Record, body: Mapping[str, Any]) -> list[Entry]:
    """PATCH: close it, by `orderStatus`/`status` H or by `isClosed` on every line; or change header texts.

    Which of the ways NetSuite's REST service takes was not re-read: all three are our reading.
    """
    status = _wanted_status(record, body)
    rows = account.items_of(body) or []
    closes = any("isClosed" in row for row in rows)
    flags = _wanted_flags(record, rows) if closes else {}
    amended = [] if closes or not rows else _with_members(account, account.amended_lines(record, body))
    if amended and same(amended, record.lines):
        amended = []
    if amended and (status == "H" or any(line.received or line.credited for line in record.lines)):
        raise user_error("An authorisation that is received, credited or closed cannot be amended.", "item")
    if amended and "createdFrom" in record.fields:
        raise user_error("The lines of an authorisation made from an order are not amended here.", "item")
    record.lines = amended or record.lines
    for line in record.lines:
        line.closed = flags.get(line.number, line.closed)
    closing = status == "H" or (bool(record.lines) and all(line.closed for line in record.lines))
    if status == "B" and record.fields["status"]["id"] == "A":
        set_status(record, "B")
    texts = {name: value for name, value in body.items() if name == "memo" or name.startswith("custbody")}
    changed = any(record.fields.get(name) != value for name, value in texts.items())
    record.fields |= texts
    already = record.fields["status"]["id"] == "H"
    if closing and not already:
        set_status(record, "H")
    account.books.save(record)
    if closing and not already:
        lines = [line.entry(record.currency) for line in record.lines]
        amount = money.text(record.total, record.currency)
        return [account.entry("return_authorisation", record, op="close", status="closed", lines=lines, amount=amount)]
    if changed or amended:
        shown = [line.entry(record.currency) for line in record.lines]
        total = money.text(record.total, record.currency)
        state = "closed" if already else "open"
        return [account.entry("return_authorisation", record, op="update", status=state, lines=shown, amount=total)]
    return []


def _wanted_status(record: Record, body: Mapping[str, Any]) -> str | None:
    """The status code that a PATCH asks for: closing, or approving what is pending."""
    code = None
    for name in ("orderStatus", "status"):
        if body.get(name) is not None:
            wanted = key_of(body[name], name)
            code = next((code for code, text in STATUSES.items() if wanted in (code, text)), None)
            if code is None:
                raise user_error(f"Unknown status {wanted}.", name)
            now = record.fields["status"]["id"]
            if code not in ("H", now) and (now, code) != ("A", "B"):
                raise user_error(f"The status cannot be set to {STATUSES[code]}.", name)
    return code


def _wanted_flags(record: Record, rows: list[dict[str, Any]]) -> dict[int, bool]:
    """Line number to `isClosed`, where a PATCH says it."""
    flags: dict[int, bool] = {}
    for position, raw in enumerate(rows):
        number = str(raw.get("line", raw.get("orderLine", "")))
        line = record.line(int(number)) if number.isdecimal() else None
        if line is None:
            raise user_error("No such line.", f"item.items[{position}].line")
        if "isClosed" in raw:
            flags[line.number] = bool(raw["isClosed"])
    return flags


def receivable(line: Line) -> Decimal:
    """Units still to come; a kit's line receives nothing, its members do."""
    if line.is_kit or line.item.service or line.closed:
        return Decimal(0)
    return max(Decimal(0), line.quantity - line.received)
