"""What must hold once everything has come to rest: I1 and I8 of each refund, I7 of each return, I14 of each wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from adapters.generator import check, plots
from adapters.generator.books import CREDITS
from adapters.generator.explained import Explained
from adapters.generator.truth import Truth
from adapters.generator.verdict import Open, by_order
from adapters.generator.verdict import Violation as Wrong
from tests.simulation.checks.conservation import Conservation
from tests.simulation.checks.documents import Documents
from tests.simulation.checks.facts import canonical
from tests.simulation.checks.findings import Findings
from tests.simulation.checks.merchant import Merchant
from tests.simulation.checks.orders import GOODS, Orders, Ruling
from tests.simulation.checks.rows import RowRecord
from tests.simulation.checks.targets import Targets
from tests.simulation.checks.told import Told
from tests.simulation.checks.waits import Waits
from tests.simulation.plan import Plan

Entry = Mapping[str, Any]

_NOTHING = Open([], [])
_STANDS_STILL = "The order stands still: "
_LEAVES_UNDONE = frozenset({"done_by_hand", "reject"})
_INVARIANT = {
    "R01": "I14",
    "R10": "I8",
    "X01": "I2",
    "X03": "I14",
    "R21": "I5",
    "S03": "E01",
}  # anchors of the demo's check
_TOLD_AT_ONCE = frozenset({"restocked-uninspected", "restocked-early", "document-doubled", "forged-taken"})
_AFTER_A_YES = {  # what a person may have said yes to: (steps)
    "credited-more-than-paid": ("credit_note",),
    "shipping-credited-more-than-sold": ("credit_note",),
    "credit-without-refund": ("credit_note",),
    "authorised-more-than-sold": ("return_authorisation",),
    "received-more-than-inspected": tuple(sorted(GOODS)),
    "received-more-than-sold": tuple(sorted(GOODS)),
    "restocked-more-than-inspected": tuple(sorted(GOODS)),
    "exchange-doubled": ("exchange_order",),
}
_MONEY = frozenset({"credit_note", "reversal"})  # steps about one refund each
_BY_AMOUNT = frozenset({"credited-more-than-paid", "credited-more-than-refunded", "shipping-credited-more-than-sold"})
_ZERO = Decimal(0)


class Rest:
    """The last look, at what the operators see and at what there is."""

    def __init__(
        self,
        plan: Plan,
        findings: Findings,
        merchant: Merchant,
        told: Told,
        orders: Orders,
        documents: Documents,
        conservation: Conservation,
    ) -> None:
        self._plan, self._findings, self._merchant, self._told = plan, findings, merchant, told
        self._orders, self._documents, self._conservation = orders, documents, conservation

    def look(
        self,
        records: Mapping[str, RowRecord],
        exceptions: Sequence[Entry],
        waiting: Sequence[Entry],
        lags: Iterable[str],
    ) -> None:
        quarantined = {order_id for order_id, row in records.items() if row.quarantined}
        self._findings.check("I14")
        for left in lags:
            self._findings.add("I14", "backlog", "", f"nothing was to be left to do; {left}")
        told = self._told.truths()
        for one in told:
            one.late &= self._orders.taken_over()  # what may have been, and was
        self._targets = Targets(told[1], self._told.snapshots(), self._orders.names)
        self._facts(records)
        self._letters(exceptions, quarantined)
        moving = [entry for entry in waiting if entry.get("order_id") not in quarantined]  # the others stand still
        waits = Waits(self._findings, self._merchant, told[0], self._conservation.dead_outcomes())
        waits.look(records, exceptions, moving)
        ruled = self._ruled(records)
        self._take_back(ruled)
        settled = [*waiting, *self._undone(ruled)]
        shown = [self._shown(entry, quarantined) for entry in exceptions]
        self._called_for(shown)
        self._documents_and_refunds(told, shown, settled, quarantined, ruled)
        self._balances(told[0], by_order(shown, settled))

    def _shown(self, entry: Entry, quarantined: set[str]) -> Entry:
        """An order that stands still because a disk lost its row is no fault of the program's."""
        if entry.get("order_id") in quarantined and str(entry.get("reason")).startswith(_STANDS_STILL):
            return {**entry, "kind": "unreadable"}
        return entry

    def _called_for(self, exceptions: Sequence[Entry]) -> None:
        """Nobody is bothered with what no story and no hostile message calls for."""
        expected = self._plan.expected
        if not expected.complete:
            return
        self._findings.check("E01")
        changed = {order_id for order_id, tags in self._tags().items() if not tags.isdisjoint(plots.CHANGES)}
        attempts = [one for seq, one in self._told.sent.items() for _ in range(self._told.attempts[seq])]
        words = Explained(expected.causes, attempts, ()).all(exceptions)
        for word, entry in zip(words, exceptions, strict=True):
            order_id = str(entry.get("order_id") or "")
            if not word and order_id not in changed:
                about = f"{entry.get('step')}, {entry.get('kind')}, {entry.get('owner')}: {entry.get('reason')}"
                self._findings.add("E01", "exception-uncalled-for", order_id, f"nothing calls for {about}")

    def _tags(self) -> dict[str, set[str]]:
        """What is odd about the returns of each order."""
        found: dict[str, set[str]] = {}
        for delivery in self._told.sent.values():
            known = self._plan.expected.tags.get(delivery.return_id, ())
            found.setdefault(delivery.order_id, set()).update(known)
        return found

    def _ruled(self, records: Mapping[str, RowRecord]) -> list[tuple[Ruling, str, str]]:
        """Decisions to leave something as it is that were applied, each with the step and subject it is about."""
        found = []
        for ruling in self._orders.decisions.values():
            row = records.get(ruling.order_id)
            applied = row is not None and row.body.get("rulings", {}).get(ruling.decision_id) == "applied"
            step, subject = self._orders.about(ruling)
            if not step:  # it waited for a yes, or its letter was never published
                step, subject = self._targets.of(ruling.target)
            if applied and ruling.kind in _LEAVES_UNDONE and step:
                found.append((ruling, step, subject))
        return found

    def _take_back(self, ruled: Iterable[tuple[Ruling, str, str]]) -> None:
        """What a person reversed by hand stands no more; all that is looked at from here on sees it so."""
        notes = {self._orders.reversed_by_hand(ruling) for ruling, _, _ in ruled} - {""}
        for document in self._documents.books.of_kind(*CREDITS):
            if document.external_ref in notes and document.net > 0:
                document.reversed = document.amount

    def _undone(self, ruled: Iterable[tuple[Ruling, str, str]]) -> list[Entry]:
        """What is rightly not in the ledger: by a person's decision, or since shadow mode only looked."""
        found = [
            self._account(ruling.order_id, step, subject, f"decided: {ruling.kind}") for ruling, step, subject in ruled
        ]
        # A note that a person said no to, and that stands all the same (the vendor stored another amount), is that
        # person's to apply.
        found += [
            self._account(ruling.order_id, "credit_application", subject, f"decided about its note: {ruling.kind}")
            for ruling, step, subject in ruled
            if step == "credit_note"
        ]
        for asked in self._orders.shadowed.values():
            found.append(self._account(asked.order_key, asked.kind, asked.subject, "shadow mode: looked at, not sent"))
        return found

    def _account(self, order_id: str, step: str, subject: str, reason: str) -> Entry:
        refund_id = subject.split("~")[0] if step in _MONEY else None
        about = {"order_id": order_id, "return_id": self._targets.return_of(step, subject), "refund_id": refund_id}
        sku = self._targets.sku_of(order_id, step, subject)
        return {**about, "step": step, "subject": subject, "sku": sku, "reason": reason}

    # -- I1, I2, I3, I4, I5, X: as the demo's outside check has them

    def _documents_and_refunds(
        self,
        told: tuple[Truth, Truth],
        shown: Sequence[Entry],
        settled: Sequence[Entry],
        quarantined: set[str],
        ruled: Sequence[tuple[Ruling, str, str]],
    ) -> None:
        intake = (list(self._told.sent.values()), self._told.statuses)
        places = self._merchant.places()
        summary = {"breaches": 0}  # each call was looked at as it began
        expected, books, names = self._plan.expected, self._documents.books, self._orders.names
        verdict = check.judge(expected, books, told, intake, shown, settled, summary, places, names)
        self._findings.check("I1", len(told[0].refunds))
        for invariant in ("I2", "I3", "I4", "I5", "I14", "E01"):
            self._findings.check(invariant)
        decided = {ruling.order_id for ruling in self._orders.decisions.values()}
        for found in verdict.violations:
            if found.name in _TOLD_AT_ONCE:
                continue
            steps = _AFTER_A_YES.get(found.name)
            if steps and self._orders.allowed(found.order_id, *steps):
                continue
            if self._was_looked_at(found, ruled) or self._grew_by_hand(found, told[1], ruled):
                continue
            if found.name in _BY_AMOUNT and self._documents.amounts_go_wrong:
                continue  # the vendor's fault stored another amount; what was asked for was looked at as it happened
            if found.name == "exception-missing" and (
                self._merchant.changed or found.order_id in decided or found.order_id in quarantined
            ):
                continue  # mended since, or covered by the order's own exception
            invariant = _INVARIANT.get(found.invariant, found.invariant)
            what = f"order {found.order_id}: {found.what}" if found.order_id else found.what
            self._findings.add(invariant, found.name, found.order_id, what)

    def _was_looked_at(self, found: Wrong, ruled: Iterable[tuple[Ruling, str, str]]) -> bool:
        """Whether a person was shown just this and said to leave it: a credit not to be reversed, a wrong amount."""
        if found.name == "failed-refund-credited":
            left = {subject for _, step, subject in ruled if step == "reversal"}
            decided = any(subject.split("~")[0] == found.about for subject in left)
            return decided and self._documents.notes_of(found.about) <= left
        if found.name == "credit-without-refund" and self._documents.amounts_go_wrong:
            asked, credits = self._orders.asked.get(found.about), self._documents.books.of_kind(*CREDITS)
            stored = {document.amount for document in credits if document.external_ref == found.about}
            is_wrong = asked is not None and stored.isdisjoint(map(Decimal, asked.amounts))
            return is_wrong and any(ruling.target == found.about and ruling.refused for ruling, _, _ in ruled)
        return False

    def _grew_by_hand(self, found: Wrong, most: Truth, ruled: Iterable[tuple[Ruling, str, str]]) -> bool:
        """Whether a note comes, with what a person noted by hand of its refund, to just what was refunded."""
        asked = self._orders.asked.get(found.about) if found.name == "credit-without-refund" else None
        refund = most.refunds.get(asked.subject.split("~")[0]) if asked is not None else None
        if refund is None or refund.failed:
            return False
        noted = self._documents.noted(refund.refund_id)
        known = {ruling.target: self._orders.noted_by_hand(ruling) for ruling, _, _ in ruled}
        by_hand = [
            made[1]
            for target, made in known.items()
            if made is not None and made[0] == refund.refund_id and target not in noted
        ]
        return bool(by_hand) and sum(noted.values(), _ZERO) + sum(by_hand, _ZERO) == refund.amount

    # -- I8

    def _balances(self, sure: Truth, opened: Mapping[str, Open]) -> None:
        """Each order's refunds less its credits come to nothing, or somebody can say why not."""
        balance: dict[tuple[str, str], Decimal] = {}
        returns: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for refund in sure.refunds.values():
            key = (refund.order_id, refund.currency)
            returns.setdefault(key, []).append((refund.return_id, refund.refund_id))
            balance[key] = balance.get(key, _ZERO) + (_ZERO if refund.failed else refund.amount)
        for document in self._documents.books.of_kind(*CREDITS):
            key = (self._orders.order_of(document.external_ref, document.order_id), document.currency)
            balance[key] = balance.get(key, _ZERO) - document.net
        for key, left in balance.items():
            self._findings.check("I8")
            order_id, currency = key
            if not left:
                continue
            known = opened.get(order_id, _NOTHING)
            names = returns.get(key) or [("", "")]
            if not any(known.money(order_id, return_id, refund_id) for return_id, refund_id in names):
                what = f"the refund balance of order {order_id} was to be zero or open with somebody; it is {left}"
                self._findings.add("I8", "balance-open", order_id, f"{what} {currency}")

    # -- I7

    def _facts(self, records: Mapping[str, RowRecord]) -> None:
        """Each return in a row is the fold of the distinct bodies that the log has about it."""
        for order_id, row in records.items():
            if row.quarantined:
                continue
            said = self._conservation.said.get(order_id.encode(), {})
            for return_id, held in row.body["returns"].items():
                self._findings.check("I7")
                wrong = _fold_differs(said.get(return_id, {}), held, row.body["versions"])
                if wrong:
                    what = f"return {return_id} of order {order_id} was to be the fold of what was sent; {wrong}"
                    self._findings.add("I7", "return-differs", order_id, what)

    # -- letters

    def _letters(self, exceptions: Iterable[Entry], quarantined: set[str]) -> None:
        """What the topics have open is what operators see, and the other way round."""
        published = self._conservation.published
        self._findings.check("E01")
        shown = {str(entry["dlq_id"]): str(entry.get("order_id") or "") for entry in exceptions if entry.get("dlq_id")}
        for letter_id, order_id in shown.items():
            if letter_id not in published.letters:
                what = f"exception {letter_id} of order {order_id or '(none)'} is shown; its letter is in no topic"
                self._findings.add("E01", "exception-without-letter", order_id, what)
        for letter_id, replays in published.letters.items():
            is_open = published.resolutions.get(letter_id, -1) < replays
            order_id = self._conservation.letters_of.get(letter_id, "")
            if is_open and letter_id not in shown and order_id not in quarantined:
                what = f"letter {letter_id} of order {order_id or '(none)'} is open; no list of exceptions shows it"
                self._findings.add("E01", "letter-hidden", order_id, what)


def _fold_differs(said: Mapping[str, Mapping[str, Any]], held: Mapping[str, Any], versions: list[Any]) -> str:
    """What differs between a return in a row and the bodies told of it; empty when nothing does."""
    names = {name for hashes in held["hashes"].values() for name in hashes}
    unknown = sorted(names - said.keys())
    if unknown:
        return f"the row has content {unknown[0]}, which nobody sent"
    in_order = sorted(
        ((int(said[name]["version"]), canonical(str(said[name]["updated_at"])), name) for name in names), reverse=True
    )
    fields: dict[str, Any] = {}
    for _, _, name in in_order:
        for field, value in said[name].items():
            if value is not None and not field.startswith("refunds"):
                fields.setdefault(field, value)
    found = {name: value for name, (_, value) in held["fields"].items() if not name.startswith("refunds")}
    if fields != found:
        field = next(name for name in (*fields, *found) if fields.get(name) != found.get(name))
        return f"its {field} is to be {fields.get(field)!r:.200}, it is {found.get(field)!r:.200}"
    odd = {_text(value["entry"]) for name, (_, value) in held["fields"].items() if name.startswith("refunds!")}
    told = {_text(entry) for name in names for entry in _without_name(said[name].get("refunds"))}
    if odd != told:
        entry = min(odd ^ told)
        return f"a refund without an id of its own is {'not kept' if entry in told else 'made up'}: {entry!r:.200}"
    return _refunds_differ([said[name] for _, _, name in in_order], held["refunds"], versions)


def _id_of(refund: Any) -> Any:
    """The id of an entry of refunds: text, or a whole number read as its text; anything else is none."""
    found = refund.get("refund_id") if isinstance(refund, dict) else None
    is_whole = isinstance(found, int) and not isinstance(found, bool)
    return found if is_whole or (isinstance(found, str) and found.strip()) else None


def _text(entry: Any) -> str:
    return orjson.dumps(entry, option=orjson.OPT_SORT_KEYS).decode()


def _without_name(refunds: Any) -> Iterator[Any]:
    """Entries that cannot be called by an id: there is none, it comes twice, or they stand in no list."""
    if not isinstance(refunds, list):
        yield from () if refunds is None else refunds.values() or [refunds]
        return
    ids = [str(_id_of(entry)) for entry in refunds]
    yield from (one for one, own in zip(refunds, ids, strict=True) if _id_of(one) is None or ids.count(own) > 1)


def _refunds_differ(newest_first: Iterable[Mapping[str, Any]], held: Mapping[str, Any], versions: Sequence[Any]) -> str:
    states: dict[str, str] = {}
    amounts: dict[str, Any] = {}
    for data in newest_first:
        refunds = data.get("refunds")
        entries = refunds if isinstance(refunds, list) else ()
        names = [str(_id_of(refund)) for refund in entries]
        for refund in entries:
            name = str(_id_of(refund))
            if _id_of(refund) is None or names.count(name) > 1:
                continue  # nobody can tell it from others: it is no refund of the return, and shown to a person
            if refund.get("amount") is not None:
                amounts.setdefault(name, refund["amount"])
            states.setdefault(name, "")
            if refund.get("state") in ("paid", "failed") and not states[name]:
                states[name] = refund["state"]
    for name, state in states.items():
        if name not in held:
            return f"refund {name} is not in the row"
        fields, paid, failed = held[name]
        is_failed = failed is not None and (paid is None or tuple(versions[failed]) > tuple(versions[paid]))
        is_state = "failed" if is_failed else "paid" if paid is not None else ""
        if is_state != state:
            return f"refund {name} is to be {state or 'neither paid nor failed'}, it is {is_state or 'neither'}"
        if name in amounts and fields["amount"][1] != amounts[name]:
            return f"refund {name} is to be of {amounts[name]}, it is of {fields['amount'][1]}"
    return ""
