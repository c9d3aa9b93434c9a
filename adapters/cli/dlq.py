"""`reveni-streams dlq`: dead letters; list them, look at one, send one again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from adapters.acts.audit import Actor
from adapters.acts.deciding import decide, decision
from adapters.acts.installation import Installation
from adapters.acts.replaying import NotReplayable, Replay, followed, replay, replay_of, whole
from adapters.acts.targets import NoTarget, by_id
from adapters.cli._terminal import (
    DEFAULT_LIMIT,
    FOUND,
    All,
    By,
    Json,
    KindFilter,
    Limit,
    OwnerFilter,
    Reason,
    Yes,
    command_line,
    confirm,
    fail,
    hint,
    installation,
    nothing,
    only,
    out,
    out_json,
    run,
    table,
)
from adapters.cli._wording import age
from adapters.cli.decide import WAIT_SECONDS, NoWait, Wait, tell
from adapters.views.deadletters import DeadLetter, dead_letters
from adapters.views.reading import row_values
from adapters.views.timeline import millis
from streams.json_text import Unreadable, read_plain
from streams.parts import PARTS
from streams.record import text_of

HEX_LINE = 16
MOST_HEX = 4096

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="""Dead letters: what could not go on by itself.

    Examples: dlq list --owner engineering · dlq show DLQ_ID · dlq replay DLQ_ID --reason "fixed in 1.4.2"
    """,
)

Ident = Annotated[str, typer.Argument(metavar="ID", help="The letter's id, or as much of it as fits one only.")]


@app.command("list")
def list_letters(
    json: Json = False,
    owner: OwnerFilter = "",
    kind: KindFilter = "",
    order: Annotated[str, typer.Option("--order", help="Only of this order.")] = "",
    closed: Annotated[bool, typer.Option("--closed", help="Resolved ones too.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    all_rows: All = False,
) -> None:
    """Open dead letters, oldest first; exit code 1 if there are any."""
    place = installation()
    letters = run(dead_letters(place.new_consumer, place.topology.prefix, order.encode() if order else None))
    chosen = [letter.summary() for letter in letters.values() if letter.open or closed]
    found = sorted(only(chosen, owner, kind), key=lambda item: (item["first_failed_at"] or "", item["dlq_id"]))
    if json:
        out_json(found)
    elif not found:
        hint(nothing("No open dead letters.", owner, kind))
    else:
        now = datetime.now(UTC)
        columns = ("dlq id", "order", "stage", "kind", "owner", "age", "replays", "state", "reason")
        cells = [
            (
                item["dlq_id"],
                item["order_id"],
                item["stage"],
                item["kind"],
                item["owner"],
                age(item["first_failed_at"], now),
                item["replays"],
                item["state"],
                item["reason"],
            )
            for item in found
        ]
        table(columns, cells, limit=None if all_rows else limit)
    if any(item["state"] == "open" for item in found):
        raise typer.Exit(FOUND)


@app.command("show")
def show(ident: Ident, json: Json = False) -> None:
    """One letter: what failed, the bytes, the original headers, what became of it."""
    place = installation()
    letter = _one(run(dead_letters(place.new_consumer, place.topology.prefix)), ident)
    if json:
        out_json(letter_json(letter))
    else:
        for line in letter_text(letter):
            out(line)
        if letter.open:
            hint(f'Next: reveni-streams dlq replay {letter.letter_id} --reason "..."')
    if letter.open:
        raise typer.Exit(FOUND)


@app.command("replay")
def replay_one(
    ident: Ident,
    reason: Reason,
    by: By,
    yes: Yes = False,
    wait: Wait = WAIT_SECONDS,
    no_wait: NoWait = False,
) -> None:
    """Send one letter again: a record through its topic, an effect as a decision to retry."""
    place = installation()
    letter = _one(run(dead_letters(place.new_consumer, place.topology.prefix)), ident)
    seconds = 0 if no_wait else wait
    again = command_line(["dlq", "replay", letter.letter_id], {"--reason": reason, "--by": by})
    try:
        actor = Actor(by, reason)
        if letter.is_effect:
            _retry(place, actor, letter, yes=yes, command=again, wait=seconds)
            return
        replay_of(run(whole(place, letter)), actor, place.topology)  # refuses before anything is asked
        names = letter.names
        question = f"Send the record again to {names['dlq.source.topic']}? It failed: {names['dlq.error.message']}"
        confirm(question, yes=yes, command=again)
        _follow(place, run(replay(place, actor, letter)), seconds)
    except NotReplayable as error:
        hint(str(error))
        raise typer.Exit(FOUND) from None
    except (NoTarget, ValueError) as error:
        fail(str(error))


def _retry(place: Installation, actor: Actor, letter: DeadLetter, *, yes: bool, command: str, wait: float) -> None:
    """An effect is never sent as it was: the order decides again, from what is known today."""
    if not letter.open:
        raise NotReplayable(f"{letter.letter_id} is not open: {(letter.resolution or {}).get('resolution')}.")

    async def find() -> Any:
        key = letter.key
        return by_id(await row_values(place.new_consumer, place.topology.sequencer_changelog, key), letter.letter_id)

    row, target = run(find())
    wanted = decision("retry", row.order_key, actor, target, {})
    confirm(f"Try {target.title} again? It says: {target.shown}", yes=yes, command=command)
    tell(wanted, target, run(decide(place, actor, wanted, wait=wait)), wait)


def _follow(place: Installation, sent: tuple[Replay, int], wait: float) -> None:
    wanted, offset = sent
    where = f"{wanted.topic}-{wanted.partition} offset {offset}"
    if wait <= 0:
        out(f"Sent to {where} as replay {wanted.count}.")
        return
    ended = run(followed(place, wanted, offset, seconds=wait))
    if isinstance(ended, DeadLetter):
        out(f"Dead again: {ended.names['dlq.error.message']} ({wanted.letter_id}, replay {wanted.count})")
        raise typer.Exit(FOUND)
    if not ended:
        out(f"Sent to {where} as replay {wanted.count}; no sequencer has read it within {wait:g} s.")
        raise typer.Exit(FOUND)
    out(f"Taken in: {where}, replay {wanted.count}.")
    if wanted.order_id is not None:
        hint(f"Next: reveni-streams order show {wanted.order_id}")


def _one(letters: dict[str, DeadLetter], ident: str) -> DeadLetter:
    """By id or a prefix that fits one only; ends the verb otherwise."""
    if ident in letters:
        return letters[ident]
    matches = [name for name in letters if name.startswith(ident)]
    if len(matches) == 1:
        return letters[matches[0]]
    few = ", ".join(sorted(matches)[:5])
    return fail(f"{ident} fits {len(matches)} letters: {few}; give more of it." if few else f"No dead letter {ident}.")


def letter_json(letter: DeadLetter) -> dict[str, Any]:
    """A letter whole; a value that is not JSON is given in hex."""
    parsed = _parsed(letter.value)
    value = {"value": parsed} if parsed is not None or letter.value is None else {"value_hex": letter.value.hex()}
    return {
        **letter.summary(),
        **value,
        "key": letter.key.decode(errors="replace") if letter.key is not None else None,
        "timestamp": millis(letter.timestamp) or None,
        "headers": {name: value for name, value in letter.names.items() if name.startswith("dlq.")},
        "original_headers": [[name, text_of(value)] for name, value in letter.original_headers()],
        "resolution": letter.resolution,
    }


def letter_text(letter: DeadLetter) -> list[str]:
    """The same for people: the sentence first, the proof underneath."""
    names = letter.names
    lines = [
        names.get("dlq.error.message", "(no message)"),
        f"  {names.get('dlq.error.kind')}, owner {names.get('dlq.owner')}, stage {names.get('dlq.stage')}, "
        f"replays {letter.replays}, {'open' if letter.open else 'closed'}",
    ]
    if letter.resolution is not None:
        done = letter.resolution
        why = f" ({done['reason']})" if done.get("reason") else ""
        lines.append(f"  {done.get('resolution')} by {done.get('by')} at {done.get('at')}{why}")
    if letter.is_part:
        lines.append(f"  the message was stored in {names.get(PARTS)} parts; the bytes below are those of the first")
    lines += ["Headers", *(f"  {name}: {value}" for name, value in names.items() if name.startswith("dlq.") and value)]
    originals = [f"  {name}: {text_of(value)}" for name, value in letter.original_headers()]
    lines += ["Original headers", *originals] if originals else []
    key = letter.key.decode(errors="replace") if letter.key is not None else "(none)"
    return [
        *lines,
        f"Key {key}, timestamp {millis(letter.timestamp) or letter.timestamp}",
        "Value",
        *_value_lines(letter),
    ]


def _value_lines(letter: DeadLetter) -> list[str]:
    value, names = letter.value, letter.names
    if letter.is_at_source:
        where = letter.summary()["source"]
        return [f"  {names.get('dlq.value.bytes')} bytes, too large for a letter: they are at {where}"]
    if value is None:
        return ["  (none)"]
    parsed = _parsed(value)
    if parsed is not None:
        text = orjson.dumps(parsed, option=orjson.OPT_INDENT_2).decode()
        return [f"  {line}" for line in text.splitlines()]
    shown = value[:MOST_HEX]
    chunks = [(at, shown[at : at + HEX_LINE]) for at in range(0, len(shown), HEX_LINE)]
    lines = [f"  {at:06x}  {chunk.hex(' '):<{HEX_LINE * 3}} {_printable(chunk)}" for at, chunk in chunks]
    return [*lines, *([f"  first {MOST_HEX} of {len(value)} bytes"] if len(value) > MOST_HEX else [])]


def _printable(chunk: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in chunk)


def _parsed(value: bytes | None) -> Any:
    try:
        return read_plain(value) if value is not None else None
    except Unreadable:
        return None
