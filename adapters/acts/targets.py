"""What a decision can be about: a command of one order, exactly as it stands now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.views.reading import readable_row
from streams.commands import command_id
from streams.row import Letter, Row, Waiting

SHORTEST_PREFIX = 4


class NoTarget(Exception):
    """Nothing, or more than one thing, fits what was named; the message lists what there is."""


@dataclass(frozen=True, slots=True)
class Target:
    """A command, and what was seen of it: the decision is void once its revision or content has moved on."""

    order_key: str
    command_id: str
    revision: int
    hash: str
    step: str
    subject: str
    shown: str  # the sentence about it
    letter_id: str | None = None
    mapping_key: str = ""
    postable: bool = False  # whether the exception says what would be posted
    beside: bool = False  # the exception is about a part of the step, or stands beside a document that goes on

    @property
    def title(self) -> str:
        return f"{self.step.replace('_', ' ')} {self.subject} of order {self.order_key}"


def of_letter(row: Row, letter: Letter) -> Target:
    """An open exception as a target.

    An exception about a part of a step, or beside it, has an id of its own; a retry of it is one of the step's command.
    """
    content = letter.content
    wanted = content["command"]
    own, hash_, revision = str(wanted["id"]), str(wanted["hash"]), int(wanted["revision"])
    base = command_id(str(wanted["account"]), row.order_key, str(wanted["kind"]), str(wanted["subject"]))
    issued = row.issued.get(base)
    if base != own and issued is not None:
        own, hash_, revision = base, issued.command.hash, issued.command.revision
    return Target(
        order_key=row.order_key,
        command_id=own,
        revision=revision,
        hash=hash_,
        step=str(content["step"]),
        subject=str(content["subject"]),
        shown=str(content["reason"]),
        letter_id=letter.letter_id,
        mapping_key=str(content.get("mapping_key") or ""),
        postable=bool(wanted.get("body")),
        beside=base != str(wanted["id"]),
    )


def expect_decidable(target: Target, kind: str) -> None:
    """Raises `NoTarget` where the decision would be about more than was shown, or could change nothing."""
    if target.beside and kind not in ("retry", "map_sku", "name_order"):
        raise NoTarget(
            f"The exception is about a part of the {target.title}, or stands beside it: {target.shown} It closes by "
            "itself when its cause goes (map it, or try again). To decide about the whole, name the command's id."
        )
    if kind == "post_anyway" and not target.postable:
        raise NoTarget(f"Nothing of the {target.title} can be posted yet: {target.shown}")


def of_command(row: Row, cid: str) -> Target:
    """A command that was sent, whether or not an exception stands about it."""
    letter = row.letters.get(cid)
    if letter is not None and letter.open:
        return of_letter(row, letter)
    command = row.issued[cid].command
    known = row.outcome_of(cid)
    shown = f"done, {known.number}" if known.number else "sent" if known.last is None else str(known.last["status"])
    step, subject = command.kind.value, command.subject
    return Target(row.order_key, cid, command.revision, command.hash, step, subject, shown, postable=True)


def of_waiting(row: Row, item: Waiting) -> Target:
    """A step that waits for something else, such as a held line, or for a person's yes: a person may say post."""
    issued = row.issued.get(item.command_id)
    revision, hash_ = (issued.command.revision, item.hash or issued.command.hash) if issued else (0, item.hash)
    return Target(row.order_key, item.command_id, revision, hash_, item.step, item.subject, item.why, postable=True)


def approvals(row: Row) -> list[Target]:
    """Steps that wait for a person's yes."""
    return [of_waiting(row, item) for item in row.waiting.values() if item.waits_for == "approval"]


def by_id(values: Mapping[bytes, bytes], ident: str) -> tuple[Row, Target]:
    """By the id of a letter or a command, or a prefix that fits one only; raises `NoTarget`."""
    if len(ident) < SHORTEST_PREFIX:
        raise NoTarget(f"{ident!r} is too short for an id; give at least {SHORTEST_PREFIX} characters.")
    needle, found = ident.encode(), dict[str, tuple[Row, Target]]()
    for key, value in values.items():
        if needle not in value:
            continue
        row = readable_row(key, value)
        for letter in row.open_letters():
            if letter.letter_id.startswith(ident):
                found[letter.letter_id] = (row, of_letter(row, letter))
        for cid in row.issued:
            if cid.startswith(ident) and cid not in found:
                found[cid] = (row, of_command(row, cid))
        for item in row.waiting.values():
            if item.command_id.startswith(ident) and item.command_id not in found:
                found[item.command_id] = (row, of_waiting(row, item))
    if ident in found:
        return found[ident]
    if not found:
        raise NoTarget(f"No open exception and no command has the id {ident}.")
    if len(found) > 1:
        raise NoTarget(f"{ident} fits {len(found)} ids: {', '.join(sorted(found)[:5])}; give more of it.")
    return next(iter(found.values()))


def of_order(row: Row) -> Target:
    """The one thing that an order needs decided; raises `NoTarget` when there are none or several."""
    found = [*(of_letter(row, letter) for letter in row.open_letters()), *approvals(row)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoTarget(f"Order {row.order_key} has no open exception and waits for no approval.")
    lines = [f"  {target.letter_id or target.command_id}  {target.title}: {target.shown}" for target in found]
    head = f"Order {row.order_key} has {len(found)} things to decide; name one by its id:"
    raise NoTarget("\n".join([head, *lines]))
