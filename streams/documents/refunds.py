"""Refunds as subjects of credit notes: which there are, what earlier notes cover, and whether one is due (R10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.case import Case
from streams.clearing import chain
from streams.documents.order import in_scope
from streams.money import to_minor, to_text
from streams.refund import Refund
from streams.returns import Return
from streams.verdicts import hold, skip, wait
from streams.vocabulary import DocumentKind, ErrorKind, Owner

if TYPE_CHECKING:
    from streams.playbook import About

NOTE = DocumentKind.CREDIT_NOTE


@dataclass(frozen=True, slots=True)
class Credited:
    """A refund, and how much of it earlier notes of its chain credit already."""

    ret: Return
    refund: Refund
    before: int  # minor units of earlier links that stand

    @property
    def amount(self) -> int:
        return self.refund.amount - self.before

    @property
    def worth(self) -> tuple[str, str]:
        """What is to be credited, as text; empty where it cannot be read."""
        told, currency = self.refund.worth
        return (to_text(self.amount, currency) if told and self.before else told), currency


@dataclass(frozen=True, slots=True)
class Unrefunded:
    """A return with no goods refund that was paid: nobody else would say that it comes to less than nothing."""

    ret: Return


def each_refund(case: Case) -> Iterator[About]:
    """Each refund; when a paid one grew after its note was posted, a supplement for the growth.

    One without an id of its own is only shown: no note can be told to be its. So is a return that may come to less
    than nothing: one with an exchange or fees.
    """
    from streams.playbook import About

    for ret in case.returns.values():
        for refund in ret.refunds:
            before = 0
            if refund.mark:
                piece = Credited(ret, refund, 0)
                subject = f"{ret.return_id}/{refund.mark}"
                yield About(subject, ret.return_id, refund.refund_id, piece, refund.worth, apart=True)
                continue
            for subject in chain(refund.refund_id):
                piece = Credited(ret, refund, before)
                yield About(subject, ret.return_id, refund.refund_id, piece, piece.worth)
                posted = case.done_body(NOTE, subject)
                if posted is None:
                    break
                if not is_reversed(case, subject):
                    before += to_minor(posted["amount"], posted["currency"])
                if refund.state != "paid" or refund.fault or before >= refund.amount:
                    break
        if not any(r.kind == "goods" and r.state == "paid" and not r.fault for r in ret.refunds) and (
            ret.replacements or ret.fees
        ):
            yield About(f"{ret.return_id}/owed", ret.return_id, piece=Unrefunded(ret), apart=True)


def is_reversed(case: Case, subject: str) -> bool:
    return case.done_body(DocumentKind.REVERSAL, subject) is not None


def paid(case: Case, about: About) -> None:
    """R10: no credit note until the refund is paid; none for one that failed."""
    if isinstance(about.piece, Unrefunded):
        return in_scope(case, about.piece.ret)
    credited: Credited = about.piece
    in_scope(case, credited.ret)
    if credited.refund.state == "failed":
        raise skip("the refund failed")
    if credited.refund.fault:
        raise hold(ErrorKind.INVALID, Owner.FINANCE, credited.refund.fault)
    match credited.refund.state:
        case "paid":
            return None
        case "pending":
            raise wait("refund", f"refund {credited.refund.refund_id} is not paid yet", "progress")
        case unknown:
            raise wait(
                "refund", f"refund {credited.refund.refund_id} is {unknown}, which is not known here", "progress"
            )
