"""The verbs that read the log and write decisions, against a real Kafka and a sequencer process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from streams.commands import Failure
from streams.vocabulary import DocumentKind, ErrorKind
from tests.brokers import RealKafka
from tests.integration.installation import PROFILE, Place, now, order_answer, snapshot, soon, start_sequencer, stop

SNAPSHOT, RMA, NOTE = DocumentKind.ORDER_SNAPSHOT, DocumentKind.RETURN_AUTHORISATION, DocumentKind.CREDIT_NOTE


@pytest.fixture(scope="module")
def place(kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One installation for all tests of this module; each has orders of its own."""
    place = Place(kafka.address, f"t-{uuid4().hex[:8]}-cli.")
    place.run("topics", "init")
    directory = tmp_path_factory.mktemp("sequencer")
    profile = directory / "profile.toml"
    profile.write_text(PROFILE.read_text().replace("approval = []", 'approval = ["credit_application"]'))
    place.run("profile", "publish", str(profile), "--yes", "--by", "eng-01")
    process = start_sequencer(place, directory)
    yield place
    stop(process)


def arrived(place: Place, order: str) -> None:
    """A return of the order has come in and its original order was read."""
    place.send("events.reveni", order, snapshot(order))
    place.answer(place.command(order, SNAPSHOT), order_answer(order))


def refused(place: Place, order: str) -> dict[str, str]:
    """The RMA of the order was refused; its exception."""
    arrived(place, order)
    place.refuse(place.command(order, RMA), Failure(ErrorKind.REFUSED, "Customer is inactive", code="USER_ERROR"))
    found = soon(lambda: place.exceptions(order), f"the exception of order {order}")
    assert [entry["kind"] for entry in found] == ["refused"]
    return dict(found[0])


def test_an_order_is_shown_from_its_first_question_to_its_documents(place: Place) -> None:
    """`order show` says what each step waits for, then the documents by number, and the money."""
    place.send("events.reveni", "100", snapshot("100"))
    question = place.command("100", SNAPSHOT)
    shown = soon(lambda: place.json("order", "show", "100")["waiting"], "what order 100 waits for")
    assert {entry["for"] for entry in shown if entry["step"] == "return_authorisation"} == {"order_snapshot"}
    place.answer(question, order_answer("100"))
    place.done(place.command("100", RMA), "RA-7731")
    place.done(place.command("100", NOTE), "CM-100")
    order = soon(
        lambda: (found := place.json("order", "show", "100")) and len(found["documents"]) == 2 and found, "documents"
    )
    assert [entry["number"] for entry in order["documents"]] == ["RA-7731", "CM-100"]
    assert order["money"] == [
        {"currency": "GBP", "paid": "44.95", "refunded": "37.05", "credited": "37.05", "open": "0.00"}
    ]
    assert [entry["topic"] for entry in order["events"]].count("events.reveni") == 1
    text = place.run("order", "show", "100", code=0).stdout
    assert "Order 100 (#100) GBP: paid 44.95, refunded 37.05, credited 37.05, open 0.00" in text
    assert "ok    return authorisation" in text


def test_an_order_is_found_by_what_people_have_in_their_hands(place: Place) -> None:
    """A return, a refund, a document or an exception leads to its order; what leads nowhere is exit code 2."""
    arrived(place, "110")
    place.done(place.command("110", RMA), "RA-110")
    soon(lambda: place.json("order", "show", "110")["documents"], "the RMA's number")
    for ident in ("ret-110", "rf-110", "RA-110", "#110"):
        assert place.json("order", "show", ident)["order_id"] == "110"
    missing = place.run("order", "show", "1100", code=2)
    assert "No order 1100. We looked in orders, returns, refunds, documents and exceptions." in missing.stderr
    assert "110" in missing.stderr.splitlines()[1]


def test_waiting_and_exceptions_are_bare_lists_with_the_contracts_fields(place: Place) -> None:
    """Every entry of `--json` has the ten fields, and filters leave only what they name."""
    entry = refused(place, "120")
    fields = {"order_id", "return_id", "refund_id", "step", "kind", "owner", "reason", "since", "due", "dlq_id"}
    waits, held = place.json("waiting"), place.json("exceptions", code=1)
    assert all(fields <= set(item) for item in [*waits, *held])
    assert entry["dlq_id"] and entry["return_id"] == "ret-120"
    assert {item["owner"] for item in place.json("exceptions", "--owner", entry["owner"])} == {entry["owner"]}
    assert place.json("exceptions", "--kind", "unknown-outcome") == []
    shown = place.run("exceptions", "--limit", "1", code=1)
    assert len(shown.stdout.splitlines()) == 2 and (len(held) == 1 or f"1 of {len(held)}, --all" in shown.stderr)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("verb", [("exceptions",), ("dlq", "list"), ("waiting",)])
def test_every_list_is_readable_on_a_terminal(place: Place, verb: tuple[str, ...], columns: int) -> None:
    """At 80 and at 120 columns every order, kind, owner and id stands whole on one line, and no line is too long."""
    order = f"12{columns}{len(verb[-1])}0000000000000"
    if not place.exceptions(order):
        refused(place, order)
    listed = [entry for entry in place.json(*verb) if entry["order_id"] == order]
    assert listed
    shown = place.on_terminal(*verb, "--all", columns=columns)
    assert shown.code == (0 if verb == ("waiting",) else 1)
    assert all(len(line) <= columns for line in shown.lines)
    for entry in listed:
        for name in ("order_id", "kind", "owner", "dlq_id"):
            if entry.get(name) and not (verb == ("waiting",) and name in ("kind", "owner")):
                assert any(entry[name] in line for line in shown.lines), (name, entry[name])
        words = entry["reason"].split()
        assert all(any(word in line for line in shown.lines) for word in words)


def test_a_retry_is_applied_and_the_exception_closes(place: Place) -> None:
    """`decide retry` sends the effect again as a new revision, and says so."""
    entry = refused(place, "130")
    result = place.run("decide", "retry", "--order", "130", "--reason", "customer mended", "--by", "fin-01", "--yes")
    assert "applied: its exception closed; the return authorisation waits: " in result.stdout
    place.answer(place.command("130", SNAPSHOT, revision=2), order_answer("130"))
    assert place.command("130", RMA, revision=2)
    assert place.exceptions("130") == []
    order = place.json("order", "show", "130", code=0)
    assert [(item["kind"], item["by"], item["ruling"]) for item in order["decisions"]] == [
        ("retry", "fin-01", "applied")
    ]
    audits = [orjson.loads(record.value) for record in place.records("audit") if record.key == b"130"]
    assert [(item["what"], item["by"], item["reason"]) for item in audits] == [
        ("decide retry", "fin-01", "customer mended")
    ]
    assert audits[0]["details"]["command_id"] == entry["command_id"]


def test_a_decision_is_void_once_what_was_seen_has_moved_on(place: Place) -> None:
    """The record carries revision and hash of what was shown; a later one is not decided by it."""
    entry = refused(place, "140")
    stale = {"kind": "retry", "command_id": entry["command_id"], "revision": 1, "hash": entry["hash"]}
    place.run("decide", "retry", entry["dlq_id"], "--reason", "first", "--by", "fin-01", "--yes")
    place.answer(place.command("140", SNAPSHOT, revision=2), order_answer("140"))
    place.refuse(place.command("140", RMA, revision=2), Failure(ErrorKind.REFUSED, "Still inactive"))
    soon(lambda: place.exceptions("140"), "the second refusal")
    record = {"id": "d-stale", "type": "decision", "at": "2026-11-21T00:00:00Z", "by": "fin-02", "reason": "late"}
    place.send("events.decisions", "140", orjson.dumps({**record, "order_id": "140", "decision": stale}))
    order = soon(
        lambda: (found := place.json("order", "show", "140")) and len(found["decisions"]) == 2 and found, "ruling"
    )
    rulings = {item["id"]: item["ruling"] for item in order["decisions"]}
    assert rulings["d-stale"] == "void: revision moved on from 1 to 2"


def test_naming_an_order_asks_the_other_system_anew(place: Place) -> None:
    """R15: an order that is not there under its key is looked up under the name that an operator gives."""
    place.send("events.reveni", "150", snapshot("150"))
    place.answer(place.command("150", SNAPSHOT), {"at": "2026-11-21T00:00:00Z", "found": 0})
    found = soon(lambda: place.exceptions("150"), "the exception")
    assert {entry["kind"] for entry in found} == {"not-found"}
    words = ("--order", "150", "--to", "SO-OLD-9", "--reason", "migrated", "--by", "ops-01", "--yes")
    assert "applied" in place.run("decide", "name-order", *words).stdout
    assert place.command("150", SNAPSHOT, revision=2).body["order_id"] == "SO-OLD-9"


def test_done_by_hand_needs_no_command_to_be_sent(place: Place) -> None:
    """An operator's document number stands in the order's steps, and the exception closes."""
    entry = refused(place, "160")
    words = ("--number", "RA-HAND", "--reason", "made in NetSuite", "--by", "fin-01", "--yes")
    assert "applied" in place.run("decide", "done-by-hand", entry["dlq_id"], *words).stdout
    order = place.json("order", "show", "160")
    states = {item["step"]: (item["state"], item["number"]) for item in order["steps"]}
    assert states["return_authorisation"] == ("done by hand", "RA-HAND")
    assert place.exceptions("160") == []


def test_what_waits_for_approval_is_sent_once_somebody_says_yes(place: Place) -> None:
    """A step that was never sent is decided about by its order, as it is the one thing to decide."""
    arrived(place, "165")
    place.done(place.command("165", RMA), "RA-165")
    place.done(place.command("165", NOTE), "CM-165")
    invoices = [{"number": "INV-1", "open": "37.05", "currency": "GBP"}]
    place.answer(place.command("165", DocumentKind.INVOICE), {"at": now(), "invoices": invoices})

    def waits() -> list[dict[str, str]]:
        return [entry for entry in place.json("waiting") if (entry["order_id"], entry["for"]) == ("165", "approval")]

    assert [(entry["step"], entry["owner"]) for entry in soon(waits, "the approval")] == [
        ("credit_application", "finance")
    ]
    result = place.run("decide", "approve", "--order", "165", "--reason", "checked", "--by", "fin-01", "--yes")
    assert "applied: credit application is sent as revision 1" in result.stdout
    assert place.command("165", DocumentKind.CREDIT_APPLICATION).body["invoices"] == [
        {"number": "INV-1", "amount": "37.05"}
    ]


def test_nothing_is_written_without_a_yes_where_nobody_can_be_asked(place: Place) -> None:
    """Not a terminal and no --yes: exit code 2, the command to use, no decision, no audit."""
    entry = refused(place, "170")
    result = place.run("decide", "retry", entry["dlq_id"], "--reason", "it is mended", "--by", "fin-01", code=2)
    assert f"reveni-streams decide retry {entry['dlq_id']} --reason 'it is mended' --by fin-01 --yes" in result.stderr
    assert [record for record in place.records("events.decisions") if record.key == b"170"] == []
    assert [record for record in place.records("audit") if record.key == b"170"] == []


def test_a_decision_names_one_thing_or_nothing_is_done(place: Place) -> None:
    """An order without anything to decide, an unknown id and an unknown order are each one sentence and exit code 2."""
    arrived(place, "180")
    place.command("180", RMA)
    common = ("--reason", "x", "--by", "fin-01", "--yes")
    for words, sentence in (
        (("retry", "--order", "180"), "Order 180 has no open exception"),
        (("retry", "zzzz-none"), "No open exception and no command has the id zzzz-none."),
        (("retry", "--order", "181"), "No order 181."),
        (("retry",), "Say what it is about"),
    ):
        assert sentence in place.run("decide", *words, *common, code=2).stderr


def test_an_unreachable_broker_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    """No traceback: what, and what to try."""
    nowhere = Place("127.0.0.1:1", "t-nowhere.")
    for words in (("waiting",), ("exceptions",), ("order", "show", "1"), ("dlq", "list"), ("profile", "show")):
        result = nowhere.run(*words, code=2)
        assert result.stderr.startswith("Kafka cannot be reached") and len(result.stderr.splitlines()) == 1
