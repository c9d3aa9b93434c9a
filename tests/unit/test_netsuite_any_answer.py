"""D26: whatever an account answers, nothing but a `VendorError` leaves the adapter, and it believes nothing untrue.

What is right is stated here by itself: from the ledger of the simulated account, and from the forms that NetSuite's own
answers have (`says_no_such_record`, `is_empty_search`, `is_refusal`), not from the product's reading of them.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.client import Client
from adapters.netsuite.wire import Answer
from streams.adapter import Document, InDoubt, Limits, Refused, SignInRefused, Throttled, Unavailable, VendorError
from streams.commands import Command
from streams.vocabulary import DocumentKind
from tests.scenarios.messages import order
from tests.unit.netsuite_commands import (
    application,
    authorisation,
    closing,
    command,
    exchange,
    movement,
    note,
    receipt,
    reversal,
    standalone_note,
    tee,
)
from tests.unit.simulated_netsuite import Account, Call, Freely

GROSS = tee(amount="40.00", tax="6.67", tax_code="5")
EXAMPLES = int(os.environ.get("REVENI_STREAMS_TEST_EXAMPLES", "200"))
"""Of each property: some two seconds. Set it higher to search for longer."""

quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

# -- what NetSuite's own answers look like, from its documentation


def _object(body: str) -> dict[str, Any]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def details(body: str) -> list[dict[str, Any]]:
    """What an error document says; nothing where it is no such document."""
    listed = _object(body).get("o:errorDetails")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        return []
    return listed if all(one.get("o:errorCode") or one.get("detail") for one in listed) else []


def says_no_such_record(answer: Answer) -> bool:
    return answer.status == 404 and bool(
        [
            one
            for one in details(answer.text)
            if one.get("o:errorCode") in ("NONEXISTENT_ID", "RCRD_DSNT_EXIST", "NOT_FOUND")
        ]
    )


def is_empty_search(answer: Answer) -> bool:
    body = _object(answer.text)
    return answer.status == 200 and body.get("items") == [] and body.get("hasMore") is False


def is_refusal(answer: Answer) -> bool:
    return 400 <= answer.status < 500 and bool(details(answer.text))


# -- what may be answered

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.floats(), st.text(max_size=12),
    st.sampled_from(["T", "F", "0", "-1", "1e1000000", "27/11/2026", "2026-11-27", "0001-01-01", "\ud800", "H", "GBP"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
RAW = ("1e1000000", "-1e-1000000", "9" * 5_000, "NaN", "Infinity", "[" * 5_000, "1.0e99999999999999999999", '"\\ud800"')
STATUSES = st.sampled_from(
    [200, 200, 200, 201, 202, 204, 206, 302, 400, 401, 403, 404, 404, 405, 409, 413, 423, 429, 500, 503]
)
VENDORS = st.sampled_from(
    [
        {"o:errorDetails": [{"o:errorCode": code, "detail": detail}]}
        for code, detail in (("USER_ERROR", "no"), ("NONEXISTENT_ID", "none"), ("DUP_RCRD", "there"), (5, "odd"))
    ]
    + [{"items": [], "hasMore": False}, {"items": []}, {"items": 5}, {"status": "maintenance"}, {"id": "1"}, {}]
)
BODIES = st.one_of(
    VALUES.map(lambda value: json.dumps(value)), VENDORS.map(json.dumps), st.text(max_size=40), st.sampled_from(RAW)
)
HEADERS = st.sampled_from(
    [
        {},
        {},
        {"Location": "https://x/services/rest/record/v1/creditmemo/7"},
        {"Location": "/login"},
        {"Retry-After": "\ud800"},
    ]
)
ANSWERS = st.builds(Answer, STATUSES, HEADERS, BODIES)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def spoilt(text: str, data: st.DataObject) -> str:
    """An answer's body with one of its fields replaced, dropped or doubled."""
    body = json.loads(text)
    *above, last = data.draw(st.sampled_from(list(places(body))), "place")
    holder = body
    for key in above:
        holder = holder[key]
    match data.draw(st.sampled_from(["replace", "drop", "double", "name twice", "raw"]), "how"):
        case "replace":
            holder[last] = data.draw(VALUES, "value")
        case "drop":
            del holder[last]
        case "double" if isinstance(holder, list):
            holder.append(holder[last])
        case "double":
            holder[last] = [holder[last], holder[last]]
        case "raw":
            holder[last] = "@@"
            return json.dumps(body).replace('"@@"', data.draw(st.sampled_from(RAW), "raw"))
        case _ if isinstance(holder, dict):
            again = json.dumps(data.draw(VALUES, "value"))
            holder["@@"] = 0
            return json.dumps(body).replace('"@@": 0', f"{json.dumps(last)}: {again}")
        case _:
            pass
    return json.dumps(body)


# -- the account, and what it is asked


class Stage:
    """A simulated account with an order, and an adapter that reads it."""

    def __init__(self) -> None:
        self.account = Account(
            order("5001"), stock=[{"account": "ns", "sku": "TEE-RED-L", "location": "101", "available": 1}]
        )
        self.adapter = NetSuite(Client("https://example.com", self.account), Limits(read_lag_seconds=0))
        self.calls = Freely()
        self.made: list[Command] = []

    def run(self, work: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await work

        return asyncio.run(awaited())

    def ask(self, kind: DocumentKind, **body: Any) -> Any:
        return self.run(self.adapter.answer(command(kind, {"order_id": "5001", **body}), self.calls))

    def create(self, wanted: Command) -> Document:
        return self.run(self.adapter.create(wanted, self.calls))  # type: ignore[no-any-return]

    def forget(self) -> None:
        """A new process."""
        self.adapter = NetSuite(Client("https://example.com", self.account), Limits(read_lag_seconds=0))


def wanted_of(stage: Stage, kind: str) -> Command:
    """A command of a kind on the order, with what it builds on made already."""
    answer = stage.ask(DocumentKind.ORDER_SNAPSHOT)
    who, number = answer["customer"]["number"], answer["number"]
    if kind == "authorisation":
        return authorisation(number)
    if kind == "exchange":
        return exchange(who)
    if kind == "movement":
        return movement(item="TEE-RED-L", sku="TEE-RED-L")
    if kind == "standalone":
        return standalone_note(who, GROSS, amount="40.00")
    source = stage.create(authorisation(number)).number
    if kind == "receipt":
        return receipt(source)
    if kind == "closing":
        return closing(source)
    memo = note(source, GROSS, amount="40.00")
    if kind == "note":
        return memo
    posted = stage.create(memo).number
    if kind == "application":
        return application(posted, (answer["invoices"][0]["number"], "40.00"))
    return reversal(posted, "40.00")


KINDS = ["authorisation", "note", "standalone", "receipt", "application", "closing", "exchange", "movement", "reversal"]


def ledger_of(account: Account) -> list[tuple[Any, ...]]:
    return [(one["kind"], one["op"], one["number"]) for one in account.ledger.shown]


def told(work: Callable[[], Any]) -> Any:
    """What came of it: a value, or the `VendorError` that left; any other exception fails the test."""
    try:
        return work()
    except VendorError as error:
        assert type(error) in (Refused, Unavailable, InDoubt, Throttled, SignInRefused)
        orjson.dumps(str(error))
        return error


def check_words(documents: Any) -> None:
    """What goes into an outcome can be written, and is small."""
    for document in documents:
        written = orjson.dumps([document.as_json(), document.differences])
        assert len(written) < 100_000


# -- the properties


@quick
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_a_spoilt_read_is_neither_an_absence_nor_another_document(kind: str, data: st.DataObject) -> None:
    """B7, B8: a document that is there is never "not there" because one field of one answer is odd."""
    stage = stages(kind)
    stage.forget()
    wanted = stage.made[0]
    number = data.draw(st.integers(0, 2), "which answer")
    seen: list[Answer] = []

    def twist(call: Call, honest: Callable[[], Answer]) -> Answer:
        answer = honest()
        if len(seen) == number and answer.text:
            answer = Answer(answer.status, answer.headers, spoilt(answer.text, data))
        seen.append(answer)
        return answer

    stage.account.twist = twist
    found = told(lambda: stage.run(stage.adapter.look_up(wanted, stage.calls)))
    if isinstance(found, Exception):
        return
    check_words(found)
    if kind not in ("application", "closing"):
        assert [document.number for document in found] == [stage.account.entries(LEDGER[kind])[-1]["number"]]
        proven = [document for document in found if not document.differences]
        assert all(document.external_ref == wanted.id for document in proven)
    # An application is there when the memo lists it; a memo that does not show its list has none (VENDORS 6.1).


LEDGER = {
    "authorisation": "return_authorisation",
    "note": "credit_note",
    "standalone": "credit_note",
    "receipt": "item_receipt",
    "exchange": "exchange_order",
    "movement": "stock_movement",
    "reversal": "reversal",
}
_STAGES: dict[str, Stage] = {}


def stages(kind: str) -> Stage:
    """The account with the command carried out already; reads do not change it."""
    if kind not in _STAGES:
        stage = Stage()
        stage.made = [wanted_of(stage, kind)]
        assert stage.create(stage.made[0]).differences == ()
        _STAGES[kind] = stage
    return _STAGES[kind]


@quick
@given(kind=st.sampled_from(KINDS), answer=ANSWERS, number=st.integers(0, 2))
def test_any_answer_to_a_look_up_is_an_absence_only_in_netsuites_words(kind: str, answer: Answer, number: int) -> None:
    """B7, B9: any status with any body, for each of the answers in turn."""
    stage = stages(kind)
    stage.forget()
    seen = 0

    def twist(call: Call, honest: Callable[[], Answer]) -> Answer:
        nonlocal seen
        seen += 1
        return answer if seen - 1 == number else honest()

    stage.account.twist = twist
    found = told(lambda: stage.run(stage.adapter.look_up(stage.made[0], stage.calls)))
    if seen <= number:
        return
    if isinstance(found, Refused):
        assert is_refusal(answer)
    if found == ():
        assert is_empty_search(answer)
    if isinstance(found, tuple):
        check_words(found)


@quick
@given(kind=st.sampled_from(KINDS), answer=ANSWERS, applied=st.booleans())
def test_any_answer_to_a_write_leaves_it_done_in_doubt_or_refused_by_netsuite(
    kind: str, answer: Answer, applied: bool
) -> None:
    """B7, B9: done only if the account has it; never refused, nor called not applied, on the word of somebody else."""
    stage = fresh(kind)
    wanted, before = stage.made[0], ledger_of(stage.account)

    def twist(call: Call, honest: Callable[[], Answer]) -> Answer:
        if not call.writes:
            return honest()
        if applied:
            honest()
        return answer

    stage.account.twist = twist
    came = told(lambda: stage.create(wanted))
    if isinstance(came, Document):
        check_words([came])
        if not came.differences:
            assert ledger_of(stage.account) != before, "done, but the account made nothing"
    elif isinstance(came, Refused):
        assert is_refusal(answer)
    elif isinstance(came, Unavailable | Throttled | SignInRefused):
        said_so = answer.status in (401, 429) or bool(details(answer.text))
        assert said_so or not stage.account.calls[-1].writes


def fresh(kind: str) -> Stage:
    """An account in which the command may be carried out, once."""
    stage = Stage()
    stage.made = [wanted_of(stage, kind)]
    return stage


@quick
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_a_spoilt_proof_is_never_a_proof_of_what_is_not_there(kind: str, data: st.DataObject) -> None:
    """A1: 204 and a record with an odd field: done with the account's own number, a difference, or in doubt."""
    stage = fresh(kind)
    wanted = stage.made[0]
    wrote = False

    def twist(call: Call, honest: Callable[[], Answer]) -> Answer:
        nonlocal wrote
        answer = honest()
        if call.writes:
            wrote = True
            return answer
        if wrote and answer.text:
            return Answer(answer.status, answer.headers, spoilt(answer.text, data))
        return answer

    stage.account.twist = twist
    came = told(lambda: stage.create(wanted))
    assert isinstance(came, Document | InDoubt), came
    if isinstance(came, Document):
        check_words([came])
        assert came.number
        if not came.differences and came.amount:
            assert Decimal(came.amount) == Decimal(wanted.body.get("amount", came.amount))


QUESTIONS: dict[DocumentKind, dict[str, Any]] = {
    DocumentKind.ORDER_SNAPSHOT: {},
    DocumentKind.INVOICE: {"order_number": ""},
    DocumentKind.AVAILABILITY: {"sku": "TEE-RED-L", "item": "TEE-RED-L", "locations": ["101"]},
}


@quick
@given(kind=st.sampled_from(list(QUESTIONS)), data=st.data())
def test_a_question_is_answered_from_netsuites_answers_alone(kind: DocumentKind, data: st.DataObject) -> None:
    """B7, B8: an order, an invoice or an item that is there is not "not found" by an odd or a foreign answer."""
    stage = stages("application")
    stage.account.twist = lambda call, honest: honest()
    body = dict(QUESTIONS[kind])
    if "order_number" in body:
        body["order_number"] = stage.ask(DocumentKind.ORDER_SNAPSHOT)["number"]
    right = stage.ask(kind, **body)
    number, foreign = data.draw(st.integers(0, 9), "which answer"), data.draw(st.booleans(), "foreign")
    seen: list[Answer] = []

    def twist(call: Call, honest: Callable[[], Answer]) -> Answer:
        answer = honest()
        if len(seen) == number:
            answer = data.draw(ANSWERS) if foreign else Answer(answer.status, {}, spoilt(answer.text, data))
        seen.append(answer)
        return answer

    stage.account.twist = twist
    answer = told(lambda: stage.ask(kind, **body))
    changed = seen[number] if len(seen) > number else Answer(0, {}, "")
    if isinstance(answer, Refused):
        assert is_refusal(changed)
    if isinstance(answer, Exception):
        return
    assert len(orjson.dumps(answer)) < 100_000
    if is_empty_search(changed) or says_no_such_record(changed):
        return
    for name in ("found", "number", "item_exists"):
        assert answer.get(name) == right.get(name)
    for name in ("returns", "invoices"):
        assert len(answer.get(name, ())) == len(right.get(name, ()))


@quick
@given(kind=st.sampled_from(sorted({DocumentKind(one) for one in LEDGER.values()})), data=st.data())
def test_a_list_never_leaves_out_what_it_cannot_read(kind: DocumentKind, data: st.DataObject) -> None:
    """B8: the scan for duplicates sees every document, or fails."""
    name = next(name for name, of in LEDGER.items() if of == kind)
    stage = stages(name)
    number = data.draw(st.integers(0, 2), "which answer")
    seen: list[Answer] = []

    def twist(call: Call, honest: Callable[[], Answer]) -> Answer:
        answer = honest()
        if len(seen) == number:
            foreign = data.draw(st.booleans(), "foreign")
            answer = data.draw(ANSWERS) if foreign else Answer(answer.status, {}, spoilt(answer.text, data))
        seen.append(answer)
        return answer

    async def listed() -> list[Document]:
        return [one async for one in stage.adapter.list_documents(kind, "2020-01-01T00:00:00Z", stage.calls)]

    stage.account.twist = lambda call, honest: honest()
    right = [document.number for document in stage.run(listed())]
    stage.account.twist = twist
    found = told(lambda: stage.run(listed()))
    if isinstance(found, list) and not any(is_empty_search(answer) for answer in seen):
        assert [document.number for document in found] == right
