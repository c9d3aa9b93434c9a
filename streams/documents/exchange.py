"""The exchange: a zero-value order for the replacement, made once its SKU, stock and customer are known (X01-X04)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from streams.case import Case
from streams.commands import Body, body_hash
from streams.components import counted_quantity, replaced
from streams.documents.order import in_scope, snapshot
from streams.documents.unknown import wait_for_unknown
from streams.money import to_text
from streams.reading import nonsense
from streams.registers import exchange_news
from streams.returns import Replacement, Return, ReturnLine
from streams.verdicts import Held, Ready, hold, skip, wait
from streams.vocabulary import DocumentKind, ErrorKind, Owner

if TYPE_CHECKING:
    from streams.playbook import About

EXCHANGE = DocumentKind.EXCHANGE_ORDER
AVAILABILITY_FRESH = timedelta(minutes=10)
"""How old an answer about stock may be when an exchange order is decided (our choice; CONTRACTS leaves it open)."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Units of one line, and what is sent instead of them."""

    ret: Return
    line_id: str
    line: ReturnLine | None = None  # none: an order was asked for once, and is not wanted any more
    replacement: Replacement | None = None
    quantity: int = 0
    fault: str = ""  # what should say what is wanted makes no sense


def each_exchange(case: Case) -> Iterator[About]:
    """Each replacement of each line that is exchanged; orders that are not wanted any more; what makes no sense."""
    from streams.playbook import About

    for ret in case.returns.values():
        lines = {line.line_id: line for line in ret.lines if line.request == "exchange"}
        asked = _asked(case, ret)
        for line_id in dict.fromkeys((*lines, *asked)):
            line = lines.get(line_id)
            unclear = ret.nameless_lines or any(each.fault for each in ret.lines if each.line_id == line_id)
            if unclear and (line is None or line.fault):
                continue  # what it is now cannot be read: nothing is taken back for that
            found = [] if line is None else [Exchange(ret, line_id, line, *one) for one in replaced(ret, line)]
            unread = _unread(ret) if line is not None and not found else ""
            if unread:
                yield About(f"{ret.return_id}/{line_id}", ret.return_id, piece=Exchange(ret, line_id, fault=unread))
                continue
            for subject, piece in _named(case, ret, line_id, found, asked.get(line_id, {}), set(lines)):
                yield About(subject, ret.return_id, piece=piece)
        for replacement in ret.replacements:
            line_id = replacement.replaces_line_id
            if line_id and line_id not in lines and not ret.nameless_lines and line_id not in asked:
                what = f"a replacement names line {line_id[:64]} of return {ret.return_id}, which is not exchanged"
                piece = Exchange(ret, line_id, fault=nonsense(what))
                yield About(f"{ret.return_id}/{line_id}", ret.return_id, piece=piece)


def _unread(ret: Return) -> str:
    """Why it is not known what an exchanged line is exchanged for, where something was told and cannot be read."""
    nameless = (one.fault or "" for one in ret.replacements if not one.replaces_line_id)
    return " ".join((*ret.list_faults.get("replacements", ()), *nameless))


def _asked(case: Case, ret: Return) -> dict[str, dict[str, Body]]:
    """The exchange orders of a return that were asked for: by line, then by subject, what they are for."""
    found: dict[str, dict[str, Body]] = {}
    for issued in case.row.issued.values():
        command = issued.command
        if command.kind is EXCHANGE and command.account == case.account and command.body["return_id"] == ret.return_id:
            body = case.done_body(EXCHANGE, command.subject) or command.body
            found.setdefault(str(body["line_id"]), {})[command.subject] = body
    return found


def _named(
    case: Case, ret: Return, line_id: str, found: list[Exchange], asked: Mapping[str, Body], others: set[str]
) -> Iterator[tuple[str, Exchange]]:
    """The subject of each replacement of a line: that of the order that was asked for it, else the next one free.

    A list in another order must not make an order twice, nor take the one for the other.
    """
    left, taken = list(found), dict[str, Exchange]()
    for fits in (_is_for_it, _is_of_its_sku):
        for subject, body in sorted(asked.items(), key=lambda entry: (len(entry[0]), entry[0])):
            fitting = next((one for one in left if fits(case, one, body)), None)
            if fitting is not None and subject not in taken:
                taken[subject] = fitting
                left.remove(fitting)
    for subject in _subjects(ret, line_id, others):
        if not left:
            break
        if subject not in taken:
            taken[subject] = left.pop(0)
    gone = Exchange(ret, line_id)
    yield from {**dict.fromkeys(asked, gone), **taken}.items()


def _is_for_it(case: Case, exchange: Exchange, body: Body) -> bool:
    return _is_of_its_sku(case, exchange, body) and exchange.quantity == int(body["lines"][0]["quantity"])


def _is_of_its_sku(case: Case, exchange: Exchange, body: Body) -> bool:
    return exchange.replacement is not None and case.same_sku(exchange.replacement.sku, body["lines"][0]["sku"])


def _subjects(ret: Return, line_id: str, others: set[str]) -> Iterator[str]:
    """CONTRACTS section 4: return/line, a second replacement of the line .../2; never the name of another line's."""
    names = {f"{ret.return_id}/{other}" for other in others - {line_id}}
    first = f"{ret.return_id}/{line_id}"
    yield first
    yield from (subject for subject in (f"{first}/{number}" for number in count(2)) if subject not in names)


def exchange_is_due(case: Case, about: About) -> None:
    """At authorisation in instant mode, after the line's acceptance in standard mode; an existing order is adopted."""
    exchange: Exchange = about.piece
    in_scope(case, exchange.ret)
    if exchange.fault:
        raise hold(ErrorKind.INVALID, Owner.ENGINEERING, exchange.fault)
    replacement, line = exchange.replacement, exchange.line
    if replacement is not None and replacement.order_ref:
        raise skip(f"the exchange order exists already: {replacement.order_ref}")
    if replacement is not None and replacement.fault:
        raise hold(ErrorKind.INVALID, Owner.ENGINEERING, replacement.fault)
    if exchange.quantity > 0 or case.done_body(EXCHANGE, about.subject) is not None:
        return
    if line is None:
        raise skip("it is not asked for any more")
    if line.verdict == "rejected" or exchange.ret.state in ("rejected", "cancelled"):
        raise skip(f"line {line.line_id} was not accepted")
    if counted_quantity(exchange.ret, line) > 0:
        raise skip(f"other replacements stand for all units of line {line.line_id} that count")
    raise wait("acceptance", f"line {line.line_id} is not accepted yet", "progress")


def exchange_order(case: Case, about: About) -> Ready:
    """X02: nothing half-made. Customer, SKU and stock are asked first; what fails is CX's, with the request intact."""
    exchange: Exchange = about.piece
    posted = case.done_body(EXCHANGE, about.subject)
    if posted is not None:
        return Ready(posted, flagged=_difference(case, about, posted))
    ret, replacement = exchange.ret, exchange.replacement
    assert replacement is not None  # `exchange_is_due` lets nothing else pass
    order = snapshot(case, ret.return_id)
    if order.get("customer", {}).get("active") is False:
        raise hold(ErrorKind.REFUSED, Owner.CX, f"The customer of order {case.order_name()} is inactive.")
    sku = case.sku_name(replacement.sku)
    item = case.profile.sku_code(sku, case.account)
    question = {
        "order_id": case.row.order_key,
        "sku": sku,
        "item": item,
        "locations": list(case.profile.sellable_locations(case.account)),
    }
    answer = case.ask(DocumentKind.AVAILABILITY, about.subject, question, return_id=ret.return_id)
    if not answer.get("item_exists"):
        raise hold(ErrorKind.NOT_FOUND, Owner.CX, f"{sku} is not an item in {case.title}.")
    if not answer.get("item_active"):
        raise hold(ErrorKind.NOT_FOUND, Owner.CX, f"{sku} is archived in {case.title}.")
    if int(answer["available"]) < exchange.quantity:
        raise hold(
            ErrorKind.OUT_OF_STOCK,
            Owner.CX,
            f"{sku}: {answer['available']} available, {exchange.quantity} wanted, so the exchange was not made. "
            "The request is kept.",
        )
    # A "no" stands until somebody retries; a "yes" must be fresh when the order is decided.
    case.ask(DocumentKind.AVAILABILITY, about.subject, question, return_id=ret.return_id, fresh=AVAILABILITY_FRESH)
    line: dict[str, Any] = {
        "line_id": exchange.line_id,
        "sku": sku,
        "item": item,
        "quantity": exchange.quantity,
        "amount": to_text(0, ret.currency),
    }
    body = {
        "order_id": case.row.order_key,
        "return_id": ret.return_id,
        "line_id": exchange.line_id,
        "currency": ret.currency,
        "customer": {"number": order["customer"]["number"]},
        "lines": [line],
        "date": case.heard(ret.return_id, exchange_news(exchange.line_id)),
    }
    wait_for_unknown(case, {EXCHANGE}, body)
    return Ready(body)


def exchange_changed(_posted: Body, _wanted: Body) -> str:
    """What is different is shown by `exchange_order`, which knows whose matter it is."""
    return ""


def _difference(case: Case, about: About, posted: Body) -> Held | None:
    """What CX has to see when the shopper's request changed after the order was made, until somebody says yes to it."""
    exchange: Exchange = about.piece
    before, replacement = posted["lines"][0], exchange.replacement
    sku = replacement.sku if replacement is not None else ""
    if exchange.quantity == before["quantity"] and case.same_sku(sku, before["sku"]):
        return None
    now = f"asks for {exchange.quantity} x {case.sku_name(sku)}" if exchange.quantity else "asks for none any more"
    sentence = f"The exchange order was made for {before['quantity']} x {before['sku']}; the return now {now}."
    body = {**posted, "lines": [{**before, "sku": sku, "quantity": exchange.quantity}]}
    flag = case.command_id(EXCHANGE, f"{about.subject}#{ErrorKind.MISMATCH.value}")
    if case.allowed(flag, body_hash(body)):
        return None
    return Held(ErrorKind.MISMATCH, sentence, Owner.CX, body=body)
