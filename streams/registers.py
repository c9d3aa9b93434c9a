"""Registers that join: the newest value stands, whatever the order of arrival.

Every structure here is a join-semilattice: `joined` is commutative, associative and idempotent (property-tested), so a
row is the same after any permutation and repetition of its messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.facts import Version
from streams.reading import word
from streams.refund import Odd, sort_out, worth
from streams.returns import Return, parse_return

LATE_LINE_FIELDS = ("disposition", "restock", "location", "accepted_quantity", "rejected_quantity")
"""Line fields that are absent until known: filled from older versions of the same line."""

Register = tuple[Version, Any]

ODD = "refunds!"
"""Before the mark of what stood among refunds without an id of its own: a field of our own, one for each."""


def newest(mine: Register | None, theirs: Register) -> Register:
    """The register with the higher version."""
    return theirs if mine is None or theirs[0] > mine[0] else mine


def later(mine: Version | None, theirs: Version | None) -> Version | None:
    """The higher of two versions, where absent is lowest."""
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    return max(mine, theirs)


def join_registers(mine: dict[str, Register], theirs: Mapping[str, Register]) -> None:
    for name, register in theirs.items():
        mine[name] = newest(mine.get(name), register)


@dataclass(slots=True)
class RefundRegister:
    """One refund. `paid` and `failed` are the highest versions that said so; paid stands until a newer one failed."""

    fields: dict[str, Register] = field(default_factory=dict)
    paid: Version | None = None
    failed: Version | None = None

    def join(self, other: RefundRegister) -> None:
        join_registers(self.fields, other.fields)
        self.paid = later(self.paid, other.paid)
        self.failed = later(self.failed, other.failed)

    @property
    def state(self) -> str:
        if self.failed is not None and (self.paid is None or self.failed > self.paid):
            return "failed"
        if self.paid is not None:
            return "paid"
        register = self.fields.get("state")
        return str(register[1]) if register else "pending"


@dataclass(slots=True)
class ReturnRegister:
    """One return: a register for each field of its snapshots, late line fields and refunds apart."""

    fields: dict[str, Register] = field(default_factory=dict)
    late: dict[str, dict[str, Register]] = field(default_factory=dict)
    refunds: dict[str, RefundRegister] = field(default_factory=dict)
    hashes: dict[int, tuple[str, ...]] = field(default_factory=dict)  # version -> sorted content hashes seen
    earliest: Version | None = None  # the lowest version seen
    news: dict[str, str] = field(default_factory=dict)
    """When the gateway first received something of it: of the return itself ("") and of what documents are made for."""
    _typed: Return | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, version: Version, data: Mapping[str, Any], received: str = "") -> ReturnRegister:
        """What one snapshot says, `received` (RFC 3339 UTC) by the gateway."""
        register = cls(hashes={version[0]: (version[2],)}, earliest=version)
        if received:
            register.news = dict.fromkeys(("", *_named(data)), received)
        for name, value in data.items():
            if name == "refunds" or value is None or name.startswith(ODD):
                continue
            register.fields[name] = (version, value)
        lines = data.get("lines")
        for line in lines if isinstance(lines, list) else ():
            if isinstance(line, dict) and word(line, "line_id"):
                known = {name: (version, line[name]) for name in LATE_LINE_FIELDS if line.get(name) is not None}
                if known:
                    register.late[word(line, "line_id")] = known
        refunds = data.get("refunds")
        named, odd = sort_out(refunds)
        if isinstance(refunds, list):
            register.fields["refunds"] = (version, [str(r.get("refund_id")) for r in refunds if isinstance(r, dict)])
        for refund_id, refund in named.items():
            state = refund.get("state")
            register.refunds[refund_id] = RefundRegister(
                fields={name: (version, value) for name, value in refund.items() if value is not None},
                paid=version if state == "paid" else None,
                failed=version if state == "failed" else None,
            )
        for one in odd:
            told = {"entry": one.entry, "why": one.why, "beside": sorted(named)}
            register.fields[ODD + one.mark] = (version, told)
        return register

    def join(self, other: ReturnRegister) -> None:
        self._typed = None
        join_registers(self.fields, other.fields)
        for line_id, known in other.late.items():
            join_registers(self.late.setdefault(line_id, {}), known)
        for refund_id, refund in other.refunds.items():
            self.refunds.setdefault(refund_id, RefundRegister()).join(refund)
        for number, hashes in other.hashes.items():
            self.hashes[number] = tuple(sorted({*self.hashes.get(number, ()), *hashes}))
        for name, received in other.news.items():
            self.news[name] = min(received, self.news.get(name, received))
        seen = [version for version in (self.earliest, other.earliest) if version is not None]
        self.earliest = min(seen, default=None)

    @property
    def conflicts(self) -> tuple[int, ...]:
        """Versions that came with more than one content."""
        return tuple(sorted(number for number, hashes in self.hashes.items() if len(hashes) > 1))

    def withdrawn_refunds(self) -> tuple[str, ...]:
        """Refunds seen paid that the newest list no longer names."""
        listed = self.fields.get("refunds")
        names = set(listed[1]) if listed else set()
        return tuple(sorted(r for r, refund in self.refunds.items() if refund.state == "paid" and r not in names))

    def data(self) -> dict[str, Any]:
        """The return as one snapshot again: the newest of everything (CONTRACTS section 2 shape)."""
        data = {
            name: register[1]
            for name, register in self.fields.items()
            if name != "refunds" and not name.startswith(ODD)
        }
        lines = data.get("lines")
        if isinstance(lines, list):
            data["lines"] = [self._line(line) if isinstance(line, dict) else line for line in lines]
        data["refunds"] = [
            {**{name: register[1] for name, register in refund.fields.items()}, "state": refund.state}
            for _, refund in sorted(self.refunds.items())
        ]
        return data

    def typed(self) -> Return:
        """The same, read; raises `InvalidReturn`. Read once: most decisions are about a return that has not changed."""
        if self._typed is None:
            self._typed = parse_return(self.data(), self.odd_refunds())
        return self._typed

    def odd_refunds(self) -> tuple[Odd, ...]:
        """What stood among the refunds without an id of its own, as far as no newer message has said what it is.

        What the newest list holds counts; of older ones, what may have been paid, until a newer list has a refund of
        that id, or a further one of that amount.
        """
        told = sorted((r[0], name, r[1]) for name, r in self.fields.items() if name.startswith(ODD))
        if not told:
            return ()
        own = self.fields.get("currency")
        currency = own[1] if own else None
        newest = max(told[-1][0], self.fields["refunds"][0] if "refunds" in self.fields else told[-1][0])
        found = [(version, Odd(was["entry"], was["why"], name.removeprefix(ODD)), was) for version, name, was in told]
        standing = [odd for version, odd, _ in found if version == newest]
        free = [(newest, odd.mark, odd.worth(currency)) for odd in standing]
        for refund_id, refund in sorted(self.refunds.items()):
            fields = {name: register[1] for name, register in refund.fields.items()}
            free.append((max(r[0] for r in refund.fields.values()), refund_id, worth(fields, currency)))
        for version, odd, was in found:
            if version == newest or not odd.is_paid:
                continue
            same_id = self.refunds.get(odd.refund_id)
            if same_id is not None and max(r[0] for r in same_id.fields.values()) > version:
                continue
            answers = [
                one
                for one in free
                if one[0] > version and one[2] == odd.worth(currency) and one[1] not in was["beside"]
            ]
            if answers:
                free.remove(answers[0])
            else:
                standing.append(odd)
        return tuple(standing)

    def _line(self, line: Mapping[str, Any]) -> dict[str, Any]:
        known = self.late.get(word(line, "line_id"), {})
        return {**line, **{name: register[1] for name, register in known.items()}}


def _named(data: Mapping[str, Any]) -> Iterator[str]:
    """What a snapshot says that a document is made for, each by a name (`line_news`, `exchange_news`, `paid_news`)."""
    lines = data.get("lines")
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict) and word(line, "line_id"):
            name = word(line, "line_id")
            yield line_news(name, line.get("quantity"))
            accepted = line.get("verdict") == "accepted" or line.get("accepted_quantity")
            if line.get("request") == "exchange" and (data.get("mode") == "instant" or accepted):
                yield exchange_news(name)
    for refund_id, refund in sort_out(data.get("refunds"))[0].items():
        if refund.get("state") == "paid":
            yield paid_news(refund_id)


def line_news(line_id: str, quantity: Any) -> str:
    """So many units of a line come back."""
    return f"line/{line_id}/{quantity if isinstance(quantity, int) else ''}"


def exchange_news(line_id: str) -> str:
    """The exchange of a line is due."""
    return f"exchange/{line_id}"


def paid_news(refund_id: str) -> str:
    """A refund is paid."""
    return f"paid/{refund_id}"
