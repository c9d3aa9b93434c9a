"""One NetSuite account behind the interface that the dispatcher knows (`streams.adapter.Adapter`)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from adapters.netsuite.client import Client
from adapters.netsuite.documents import Request, is_transform, request_for
from adapters.netsuite.errors import CLOSED_PERIOD
from adapters.netsuite.items import Items
from adapters.netsuite.options import AccountSettings
from adapters.netsuite.proof import (
    application_of,
    applications,
    closing_of,
    document_of,
    is_reversal,
    may_be_adopted,
    proof,
)
from adapters.netsuite.questions import invoice_answer, items_named, order_answer, originals
from adapters.netsuite.records import RECORDS, day_of, flag_of, key_of, number_of, text_of
from streams.adapter import Calls, Document, InDoubt, Limits, Refused, Unavailable, VendorError
from streams.commands import Command
from streams.vocabulary import DocumentKind, ErrorKind

_CHANGES = frozenset({DocumentKind.CREDIT_APPLICATION, DocumentKind.RETURN_CLOSING})
"""Kinds that change a document instead of making one: no external id of their own, read from their parent."""

_PARENTS = {kind: RECORDS[kind] for kind in _CHANGES} | {DocumentKind.REVERSAL: RECORDS[DocumentKind.CREDIT_NOTE]}
"""The record that a kind changes, or takes back."""

_LONGEST_ANSWER = 256 * 1024  # bytes: no row can hold more (DESIGN), and Kafka takes no record of four times that
_REMEMBERED = 5_000  # return authorisations whose lines are kept, about 2 kB each
_PERIODS_KNOWN_FOR = timedelta(minutes=10)
_PERIODS_AHEAD = timedelta(days=186)
"""How far ahead an open period is looked for: half a year of closed books is a mistake in the set-up."""


class NetSuite:
    """Looks up, makes and reads documents of one account. A 2xx is no proof: each write is read back."""

    def __init__(
        self,
        client: Client,
        limits: Limits,
        settings: AccountSettings | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.limits = limits
        self._client = client
        self._settings = settings or AccountSettings()
        self._now = now
        self._items_by_name = Items(client, now)
        self._authorisations: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._missed: dict[tuple[str, str], datetime] = {}  # documents to change that a read did not show: since when
        self._open_days: dict[date, tuple[date, datetime]] = {}  # a day in a closed period: the next open day, found at

    def reference_enforced(self, command: Command) -> bool:
        """An upsert by external id is one record however often it is sent; a patch sets a state; transforms add up."""
        return not is_transform(command)

    async def look_up(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        """Every document with the command's external id; for an application or a closing, what its parent says."""
        if command.kind in _CHANGES:
            found = self._of_parent(command, await self._parent(command, calls))
            return (found,) if found else ()
        records = await self._all(RECORDS[command.kind], "externalId", command.id, calls)
        if records:
            command = await self._items_by_name.named(command, calls)
        return tuple(proof(command, record, self._settings) for record in records)

    async def candidates(self, command: Command, calls: Calls) -> tuple[Document, ...]:
        """Hand-made documents that may be adopted; an application or closing made by hand is found by look-up."""
        if command.adopt_since is None or command.kind in _CHANGES:
            return ()
        command = await self._items_by_name.named(command, calls)
        return tuple(
            document_of(command.kind, record, self._settings)
            for record in await self._all(RECORDS[command.kind], "otherRefNum", command.body["order_id"], calls)
            if may_be_adopted(command, record, self._settings)
        )

    async def create(self, command: Command, calls: Calls) -> Document:
        """Make the document and read it back."""
        if command.kind in _CHANGES:
            return await self._change(command, calls)
        command = await self._items_by_name.named(command, calls)
        authorisation = parent = None
        if is_transform(command) and command.kind is not DocumentKind.RETURN_AUTHORISATION:
            authorisation = await self._authorisation(command.body["source"]["number"], calls)
        if command.kind is DocumentKind.REVERSAL:
            parent = await self._parent(command, calls)
        try:
            request = request_for(command, self._settings, authorisation=authorisation, parent=parent)
        except Refused:
            self._authorisations.pop(command.body["source"]["number"], None)  # read anew when it is tried again
            raise
        next_open = command.body.get("on_closed_period") == "next_open"
        day = date.fromisoformat(request.body["tranDate"]) if next_open else None
        if day is not None and (known := self._open_day(day)) is not None:
            request = request.dated(known)
        try:
            number = await self._send(command, request, calls)
        except Refused as error:
            if authorisation is not None:
                self._authorisations.pop(command.body["source"]["number"], None)  # perhaps its lines were changed
            if error.type != CLOSED_PERIOD or day is None:
                raise
            self._open_days[day] = (await self._next_open_day(day, error, calls), self._now())
            number = await self._send(command, request.dated(self._open_days[day][0]), calls)
        return await self._read_back(command, request.type, number, calls)

    async def answer(self, command: Command, calls: Calls) -> Mapping[str, Any]:
        """The answer to a question; its time is from before the first read, so it is never younger than it says."""
        at = self._now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        answer = await self._answer(at, command, calls)
        size = len(orjson.dumps(answer))
        if size > _LONGEST_ANSWER:
            text = f"NetSuite's answer about order {command.body.get('order_id')} is too large: {size:,} bytes"
            raise Refused(ErrorKind.TOO_LARGE, text)
        return answer

    async def _answer(self, at: str, command: Command, calls: Calls) -> Mapping[str, Any]:
        match command.kind:
            case DocumentKind.ORDER_SNAPSHOT:
                return await self._order_snapshot(at, command.body["order_id"], calls)
            case DocumentKind.INVOICE:
                invoices = await self._invoices(command.body["order_number"], calls)
                return dict(invoice_answer(at, invoices, self._settings))
            case DocumentKind.AVAILABILITY:
                return await self._availability(at, command.body, calls)
        raise ValueError(f"{command.kind} is not a question")

    async def list_documents(self, kind: DocumentKind, since: str, calls: Calls) -> AsyncIterator[Document]:
        """Every document of a kind dated on or after the day of `since`, each read in full (one call each)."""
        query = f'tranDate ON_OR_AFTER "{self._settings.day(since).isoformat()}"'
        async for number in self._client.each(RECORDS[kind], query, calls):
            record = await self._client.get(RECORDS[kind], number, calls)
            match kind:
                case DocumentKind.CREDIT_APPLICATION:
                    for application in applications(record, self._settings):
                        yield application
                case DocumentKind.RETURN_CLOSING:
                    closing = closing_of(record, self._settings)
                    if closing is not None:
                        yield closing
                case DocumentKind.REVERSAL if not is_reversal(record, self._settings):
                    continue
                case _:
                    yield document_of(kind, record, self._settings)

    async def try_out(self, calls: Calls) -> None:
        """Ask for as little as there is; raises a `VendorError` of what came of it."""
        await self._client.signs_in(calls)

    async def close(self) -> None:
        await self._client.close()

    # Writing.

    async def _send(self, command: Command, request: Request, calls: Calls) -> str:
        if request.form == "transform":
            return await self._client.transform(request.source, request.number, request.type, request.body, calls)
        return await self._client.upsert(request.type, command.id, request.body, request.sublist, calls)

    async def _read_back(self, command: Command, type_: str, number: str, calls: Calls) -> Document:
        """The proof of a write that was answered with a yes. What fails from here on leaves the command in doubt."""
        # An upsert's answer need not name the record.
        key = number if number and not number.startswith("eid:") else f"eid:{command.id}"
        record = await self._proof_of(type_, key, calls)
        if record is None:
            raise InDoubt(f"{type_} {key}: answered with a yes, but it cannot be read")
        if type_ == "returnAuthorization":
            self._remember(record)
        return proof(command, record, self._settings)

    async def _change(self, command: Command, calls: Calls) -> Document:
        """An application or a closing: a change of its parent, done if that already is so."""
        parent = await self._parent(command, calls)
        done = self._of_parent(command, parent)
        if done is not None:
            return done
        request = request_for(command, self._settings, parent=parent)
        await self._client.patch(request.type, request.number, request.body, calls)
        changed = await self._proof_of(request.type, request.number, calls)
        done = self._of_parent(command, changed) if changed is not None else None
        if done is None:
            raise InDoubt(f"{request.type} {request.number}: answered with a yes, but it does not show the change")
        return done

    async def _proof_of(self, type_: str, key: str, calls: Calls) -> Mapping[str, Any] | None:
        try:
            return await self._client.find(type_, key, calls)
        except VendorError as error:
            raise InDoubt(f"{type_} {key}: answered with a yes; reading it back failed: {error}") from error

    async def _parent(self, command: Command, calls: Calls) -> Mapping[str, Any]:
        type_, number = _PARENTS[command.kind], command.body["source"]["number"]
        record = await self._client.find(type_, number, calls)
        if record is not None:
            self._missed.pop((type_, number), None)
            return record
        # It was made a moment ago, and reads may lag behind: only what is not there for so long is not there.
        missed = self._missed.setdefault((type_, number), self._now())
        if abs(self._now() - missed) < timedelta(seconds=self.limits.read_lag_seconds):
            raise Unavailable(f"{type_} {number} cannot be read yet")
        del self._missed[type_, number]
        raise Refused(ErrorKind.NOT_FOUND, f"{type_} {number} is not in the account")

    def _of_parent(self, command: Command, parent: Mapping[str, Any]) -> Document | None:
        if command.kind is DocumentKind.CREDIT_APPLICATION:
            return application_of(command, parent, self._settings)
        return closing_of(parent, self._settings)

    def _open_day(self, day: date) -> date | None:
        """The next open day after a day in a closed period, if it was looked for of late.

        Looking takes many calls. On an account with few calls a second they outlast the time in which a begun command
        may be sent; without a memory the next try looked again, and none was ever sent.
        """
        found, at = self._open_days.get(day, (None, self._now()))
        return found if abs(self._now() - at) < _PERIODS_KNOWN_FOR else None

    async def _next_open_day(self, day: date, closed: Refused, calls: Calls) -> date:
        """The first day of the first open accounting period after `day`; raises the refusal if there is none."""
        query = (
            "closed IS false AND isQuarter IS false AND isYear IS false "
            f'AND startDate AFTER "{day.isoformat()}" AND startDate ON_OR_BEFORE "{(day + _PERIODS_AHEAD).isoformat()}"'
        )
        starts = []
        async for number in self._client.each("accountingPeriod", query, calls):
            period = await self._client.get("accountingPeriod", number, calls, needs="startDate")
            start = day_of(period["startDate"])
            shut = ("closed", "allLocked", "arLocked", "isAdjust", "isQuarter", "isYear")
            if start is not None and start > day and not any(flag_of(period.get(name)) for name in shut):
                starts.append(start)
        if not starts:
            raise closed
        return min(starts)

    # Reading.

    async def _all(self, type_: str, name: str, value: str, calls: Calls) -> list[Mapping[str, Any]]:
        """Every record whose field has a value; a hit that cannot be read is no absence."""
        return [
            await self._client.get(type_, key, calls, found_by={name: value})
            for key in await self._client.search(type_, _filter(name, value), calls)
        ]

    async def _authorisation(self, number: str, calls: Calls) -> Mapping[str, Any] | None:
        """A return authorisation's lines, from memory where it was read before; None if a read does not show it yet."""
        known = self._authorisations.get(number)
        if known is None:
            known = await self._client.find("returnAuthorization", number, calls)
            if known is not None:
                self._remember(known)
        return known

    def _remember(self, authorisation: Mapping[str, Any]) -> None:
        self._authorisations[text_of(authorisation.get("id"))] = authorisation
        if len(self._authorisations) > _REMEMBERED:
            self._authorisations.popitem(last=False)

    async def _order_snapshot(self, at: str, name: str, calls: Calls) -> Mapping[str, Any]:
        orders = originals(await self._all("salesOrder", "otherRefNum", name, calls))
        if not orders:  # an operator may have named it by its number (R15)
            orders = originals(await self._all("salesOrder", "tranId", name, calls))
        if len(orders) != 1:
            return {"at": at, "found": len(orders)}
        order = orders[0]
        number, customer = text_of(order.get("id")), key_of(order.get("entity"))
        reference = text_of(order.get("otherRefNum")) or name
        returns = await self._all("returnAuthorization", "createdFrom", number, calls)
        known = {text_of(one.get("id")) for one in returns}
        returns += [
            await self._client.get("returnAuthorization", key, calls, found_by={"otherRefNum": reference})
            for key in await self._client.search("returnAuthorization", _filter("otherRefNum", reference), calls)
            if key not in known
        ]
        return dict(
            order_answer(
                at,
                order,
                customer=await self._client.find("customer", customer, calls) if customer else None,
                items=await self._items(items_named(order), calls),
                authorisations=returns,
                invoices=await self._invoices(number, calls),
                settings=self._settings,
            )
        )

    async def _invoices(self, order_number: str, calls: Calls) -> list[Mapping[str, Any]]:
        return await self._all("invoice", "createdFrom", order_number, calls)

    async def _items(self, numbers: list[str], calls: Calls) -> dict[str, Mapping[str, Any]]:
        if not numbers:
            return {}
        listed = ", ".join(_literal(number) for number in numbers)
        rows = await self._client.suiteql(
            f"SELECT id, itemid, isinactive, itemtype FROM item WHERE id IN ({listed})", calls, needs="id"
        )
        return {text_of(row.get("id")): row for row in rows}

    async def _availability(self, at: str, body: Mapping[str, Any], calls: Calls) -> Mapping[str, Any]:
        select = "SELECT id, itemid, isinactive FROM item WHERE"
        rows: list[dict[str, Any]] = []
        if str(body["item"]).isdecimal():
            rows = await self._client.suiteql(f"{select} id = {_literal(body['item'])}", calls, needs="id")
        if not rows:  # where SKUs are the account's codes, the item is its name
            rows = await self._client.suiteql(f"{select} itemid = {_literal(body['sku'])}", calls, needs="id")
        if not rows:
            return {"at": at, "item_exists": False, "item_active": False, "available": 0}
        item = rows[0]
        statement = f"SELECT location, quantityavailable FROM aggregateItemLocation WHERE item = {_literal(item['id'])}"
        if body["locations"]:
            statement += f" AND location IN ({', '.join(_literal(place) for place in body['locations'])})"
        places = await self._client.suiteql(statement, calls)
        units = sum(max(0, int(number_of(place.get("quantityavailable")) or 0)) for place in places)
        active = flag_of(item.get("isinactive")) is not True
        return {"at": at, "item_exists": True, "item_active": active, "available": units}


def _filter(name: str, value: str) -> str:
    """A `q` filter on one field: a reference has a number, all else is text."""
    return f"{name} EQUAL {_quoted(value)}" if name == "createdFrom" else f'{name} IS "{_quoted(value)}"'


def _quoted(text: str) -> str:
    """Text inside the quotes of a `q` filter."""
    return str(text).replace("\\", "\\\\").replace('"', '\\"')


def _literal(text: str) -> str:
    """A SuiteQL text literal."""
    return "'" + str(text).replace("'", "''") + "'"
