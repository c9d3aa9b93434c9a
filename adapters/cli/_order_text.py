"""One order as text: the layout of `order show` (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from adapters.cli._wording import age, clock, moment, money, step_name
from streams.vocabulary import DocumentKind

MOST_EVENTS = 50
_ORDER = [kind.value for kind in DocumentKind]
_QUESTIONS = {kind.value for kind in DocumentKind if kind.is_question}

Entry = Mapping[str, Any]


def order_text(order: Mapping[str, Any], now: datetime, zone: tzinfo, *, events: int | None = MOST_EVENTS) -> list[str]:
    """The lines. Words (ok, wait, FAIL, LATE) carry the state; times are in `zone`."""

    def at(text: str | None) -> str:
        return clock(text, now, zone)

    lines = [*_head(order), *_late(order, now)]
    if order["quarantined"]:
        lines.append(f"FAIL The order stands still: {order['quarantined']}")
    placed: set[tuple[str, str]] = set()
    for entry in order["returns"]:
        lines.append(_return(entry))
        for key, line in _steps(order, entry["return_id"], at):
            placed.add(key)
            lines.append(line)
    rest = [line for key, line in _steps(order, None, at) if key not in placed]
    lines += [*(["Of no return that is known"] if rest else []), *rest]
    lines += _section("Documents", _documents(order, at))
    lines += _section("Exceptions", _exceptions(order, now))
    lines += _section("Decisions", _decisions(order, at))
    return [*lines, *_section("Events, newest first", _events(order, at, events))]


def _head(order: Mapping[str, Any]) -> list[str]:
    name = f"Order {order['order_id']}" + (f" ({order['order_number']})" if order["order_number"] else "")
    amounts = [
        f"{entry['currency']}: paid {money(entry['paid']) if entry['paid'] is not None else 'not known yet'}, "
        f"refunded {money(entry['refunded'])}, credited {money(entry['credited'])}, open {money(entry['open'])}"
        for entry in order["money"]
    ]
    first, *more = amounts or ["no money is known yet"]
    return [f"{name} {first}", *(f"{' ' * len(name)} {amount}" for amount in more)]


def _late(order: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """What is late, the longest first, and who or what it waits for."""
    late = [entry for entry in (*order["exceptions"], *order["waiting"]) if entry.get("late")]
    for entry in sorted(late, key=lambda entry: entry["due"] or ""):
        who = f"waits for {entry['owner'].capitalize()}, " if entry.get("owner") else "waits: "
        why = entry.get("reason") or entry.get("why") or ""
        yield f"LATE {age(entry['due'], now)}: {step_name(entry['step'], entry.get('subject') or '')} {who}{why}"


def _return(entry: Entry) -> str:
    about = ", ".join(str(entry[name]) for name in ("mode", "type", "state") if entry[name])
    conflicts = entry["conflicting_versions"]
    doubt = f"; version {', '.join(map(str, conflicts))} came with two contents" if conflicts else ""
    return f"Return {entry['return_id']} ({about}), version {entry['version']}{doubt}"


def _steps(order: Mapping[str, Any], return_id: str | None, at: Any) -> list[tuple[tuple[str, str], str]]:
    """A line for each step of a return (None: of any): what was sent, is held or waits; in playbook order."""

    def mine(entry: Entry) -> bool:
        return return_id is None or (entry.get("return_id") or None) == return_id

    found: dict[tuple[str, str], tuple[str, str]] = {}
    for step in order["steps"]:
        if step["step"] not in _QUESTIONS and mine(step):
            found[step["step"], step["subject"]] = _sent(step, at)
    for item in order["waiting"]:
        if mine(item):
            found[item["step"], item["subject"]] = _waits(item, at, found.get((item["step"], item["subject"])))
    for item in order["exceptions"]:
        if item.get("subject") is not None and mine(item):
            found[item["step"], item["subject"]] = _fails(item, at)
    names = {key: step_name(*key, return_id=return_id) for key in found}
    width = max([24, *map(len, names.values())]) if names else 0
    return [
        (key, f"  {found[key][0]:<4}  {names[key]:<{width}}  {found[key][1]}".rstrip())
        for key in sorted(found, key=lambda key: (_place(key[0]), key[1]))
    ]


def _place(step: str) -> int:
    return _ORDER.index(step) if step in _ORDER else len(_ORDER)


def _sent(step: Entry, at: Any) -> tuple[str, str]:
    tries = f", {step['attempts']} tries" if step["attempts"] > 1 else ""
    if step["state"] in ("done", "done by hand"):
        by_hand = ", by hand" if step["state"] == "done by hand" else ""
        return "ok", f"{step['number']}  {at(step['at']) if step['at'] else ''}".rstrip() + by_hand + tries
    if step["state"] == "sent":
        return "wait", f"sent to {step['account']}, revision {step['revision']}"
    return "wait", f"{step['state']}{tries}"


def _waits(item: Entry, at: Any, sent: tuple[str, str] | None) -> tuple[str, str]:
    word = "LATE" if item["late"] else "wait"
    why = sent[1] if sent and sent[0] == "wait" else item["why"] or f"for {item['for']}"
    due = f", due {at(item['due'])}" if item["due"] else ""
    letter = f", exception {item['dlq_id']}" if item["dlq_id"] else ""
    return word, f"{why}{letter}; since {at(item['since'])}{due}"


def _fails(item: Entry, at: Any) -> tuple[str, str]:
    due = f", due {at(item['due'])}" if item["due"] else ""
    late = ", LATE" if item.get("late") else ""
    return "FAIL", f"{item['kind']}  {at(item['since'])}  dlq {item['dlq_id']}{due}{late}"


def _documents(order: Mapping[str, Any], at: Any) -> Iterator[str]:
    for item in order["documents"]:
        how = f"  {item['reason']}" if item["reason"] and item["reason"] != "created" else ""
        yield f"{item['number']}  {step_name(item['kind'], item['subject'])}  {at(item['at'])}{how}{_applied(item)}"


def _applied(item: Entry) -> str:
    """R05: what of a credit note went to invoices, and what no invoice takes."""
    if item.get("stays_open") is None:
        return ""
    rest = money(item["stays_open"])
    return f"  applied {money(item['applied'])}" + ("" if Decimal(item["stays_open"]) == 0 else f", {rest} stays open")


def _exceptions(order: Mapping[str, Any], now: datetime) -> Iterator[str]:
    for item in order["exceptions"]:
        again = f", replays {item['replays']}" if item.get("replays") else ""
        since = f"since {age(item['since'], now)}" if moment(item["since"]) else "since when is not known"
        yield f"{item['reason']}"
        yield f"  {item['kind']}, owner {item['owner']}, {since}{again}, dlq {item['dlq_id'] or '-'}"


def _decisions(order: Mapping[str, Any], at: Any) -> Iterator[str]:
    for item in order["decisions"]:
        kind = item["kind"].replace("_", " ")
        yield f"{at(item['at'])}  {item['by']}: {kind} ({item['reason']}): {item['ruling']}"


def _events(order: Mapping[str, Any], at: Any, most: int | None) -> Iterator[str]:
    newest = list(reversed(order["events"]))
    shown = newest if most is None else newest[:most]
    for item in shown:
        again = f"  replay of {item['replay_of']}" if item["replay_of"] else ""
        yield f"{at(item['at'])}  {item['topic']:<16}  {item['what']}{again}"
        for call in item.get("calls", ()):
            yield f"          {at(call['at'])}  {call['call']}: {call['result']}"
    if len(shown) < len(newest):
        yield f"first {len(shown)} of {len(newest)}"


def _section(title: str, lines: Iterator[str]) -> list[str]:
    found = [f"  {line}" for line in lines]
    return [title, *found] if found else []
