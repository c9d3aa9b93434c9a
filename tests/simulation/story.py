"""What an engineer who has never seen the run needs to read: what was promised and broken, and what led there."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields

from tests.simulation.harness import CRASH
from tests.simulation.plan import Act, Operate, Plan, Publish, VendorFault, Webhook
from tests.simulation.result import Result, Violation
from tests.simulation.seeds import spell

PROMISES: Mapping[str, str] = {
    "I1": "no refund is lost",
    "I2": "no document is made twice",
    "I3": "nothing is restocked before its inspection",
    "I4": "restocked <= inspected sellable <= received <= returned <= sold",
    "I5": "no more is credited than was refunded, nor than was paid",
    "I6": "the order of arrival does not change what an order comes to",
    "I7": "an event that is delivered again changes nothing",
    "I8": "at rest every refund balances, or has an open exception",
    "I9": "what was taken in is done, dead, parked, waiting or a duplicate",
    "I10": "a committed offset never passes an event whose outcome is not durable",
    "I11": "the recovered table is the table before the crash",
    "I12": "calls in flight never exceed the account's limit",
    "I13": "a dead letter is whole, and its bytes are untouched",
    "I14": "when the faults stop, everything comes to its end",
    "I15": "a replay sends what was planned, once",
    "I16": "what an operator does is written down, and nothing is deleted",
    "E01": "no message fails by a fault of the program",
    "E02": "nothing is given up because an account is away or throttled",
    "E09": "a build that fails on everything stops, and dead-letters little",
    CRASH: "the simulation itself runs to its end",
    "determinism": "the same seed is the same run",
}
_LONGEST = 400  # lines of what happened; the middle of more is left out
_SHOWN_VIOLATIONS = 20


def command(seed: int, keep: Collection[int] | None = None, mutation: str = "", *options: str) -> str:
    """What to type to see it again."""
    words = ["python -m tests.simulation", f"--seeds {seed}"]
    if keep is not None:
        words.append(f"--keep {spell(keep) or 'none'}")
    if mutation:
        words.append(f"--mutation {mutation}")
    return " ".join((*words, *options))


def tell(plan: Plan, result: Result, planned: int, mutation: str = "") -> Iterator[str]:
    """The lines of the story of a run of `plan`, which kept some of the `planned` acts."""
    concerned = _concerned(plan, result.violations)
    first = result.violations[0] if result.violations else None
    yield f"Seed {plan.seed}: {_title(first) if first else 'no promise broken'}"
    yield f"  {len(plan.acts)} of {planned} acts; {plan.sequencers} sequencers, {plan.dispatchers} dispatchers,"
    yield f"  {plan.partitions} partitions; faults end at {plan.heal_at:.1f} s; {result.virtual_seconds:.1f} s in all"
    if mutation:
        yield f"  the product is mutated: {mutation}"
    yield from _sold(plan, concerned)
    yield ""
    yield "What was planned (virtual seconds)"
    for act in plan.acts:
        if not isinstance(act, Webhook) or not concerned or act.delivery.order_id in ("", *concerned):
            yield f"  {act.at:9.3f}  #{act.number:<4} {describe(act)}"
    yield ""
    yield f"What happened{f' to order {spoken(concerned)}' if concerned else ''}"
    happened = list(concerning(result.story, plan, concerned))
    if len(happened) > _LONGEST:
        half = _LONGEST // 2
        happened[half:-half] = [f"  ... {len(happened) - 2 * half} lines ..."]
    yield from happened or ["  (nothing was told)"]
    yield ""
    yield "What was lost"
    alike: dict[tuple[str, str, str], list[Violation]] = {}
    for found in result.violations:
        alike.setdefault((found.invariant, found.name, found.order_id), []).append(found)
    for first_of_all, *others in list(alike.values())[:_SHOWN_VIOLATIONS]:
        yield from _broken(first_of_all)
        if others:
            yield f"      and {len(others)} times more until {others[-1].at:.3f} s"
    if len(alike) > _SHOWN_VIOLATIONS:
        yield f"  and {len(alike) - _SHOWN_VIOLATIONS} other kinds"


def describe(act: Act) -> str:
    """One act in a line."""
    match act:
        case Webhook(delivery=delivery):
            about = f"order {delivery.order_id}" if delivery.order_id else f"{len(delivery.body)} bytes"
            note = f", {delivery.note}" if delivery.note else ""
            version = f" version {delivery.version}" if delivery.version else ""
            return f"webhook {delivery.sort}: {about}{version}{note}{_gist(delivery.body)}"
        case VendorFault(rule=rule):
            rest = " ".join(f"{name}={value}" for name, value in rule.items() if name != "fault")
            return f"the vendor: {rule['fault']} {rest}".rstrip()
        case Publish(version=version):
            return f"profile version {version} is published"
        case Operate(verb=verb, slip=slip):
            return f"an operator: {verb}{f', by mistake {slip}' if slip else ''}"
        case _:
            shown = ((each.name, getattr(act, each.name)) for each in fields(act) if each.name not in ("number", "at"))
            return " ".join((act.kind, *(f"{name}={value}" for name, value in shown if value not in ("", 0.0))))


def _gist(body: bytes) -> str:
    """Of a genuine message, what decisions turn on."""
    try:
        data = json.loads(body)["data"]
        if "refunds" in data:
            refunds = ", ".join(f"{each['refund_id']} {each['amount']} {each['state']}" for each in data["refunds"])
            return f": {data['type']} {data['mode']}, {data['state']}; refunds {refunds or 'none'}"
        lines = ", ".join(f"{each['quantity']} x {each['sku']} {each['disposition']}" for each in data["lines"])
        return f": inspected {lines}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""  # poison: its note says which


def concerning(lines: Sequence[str], plan: Plan, concerned: Collection[str]) -> Iterator[str]:
    """The lines that are about these orders, or about none: what befell workers, broker and vendor as a whole."""
    others = _known(plan) - set(concerned)
    if not concerned or not others:
        yield from lines
        return
    ours, theirs = _any_of(concerned), _any_of(others)
    for line in lines:
        if ours.search(line) or not theirs.search(line):
            yield line


def _concerned(plan: Plan, violations: Sequence[Violation]) -> list[str]:
    """The orders that violations are about, or that their sentences name: some are about a command or a record."""
    known = _known(plan)
    found = {violation.order_id for violation in violations} & known
    if known:
        words = _any_of(known)
        found |= {word for violation in violations for word in words.findall(violation.what)}
    return sorted(found)


def _known(plan: Plan) -> set[str]:
    orders = {order.order_id for order in plan.world.orders} | set(plan.expected.orders)
    return (orders | {act.delivery.order_id for act in plan.acts if isinstance(act, Webhook)}) - {""}


def _any_of(words: Collection[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-])(?:{'|'.join(re.escape(word) for word in sorted(words))})(?![\w-]|\.\d)")


def spoken(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _title(found: Violation) -> str:
    promise = PROMISES.get(found.invariant)
    return f"{found.invariant}, {found.name}" + (f" (promised: {promise})" if promise else "")


def _broken(found: Violation) -> Iterator[str]:
    first, *more = found.what.splitlines() or [""]
    moment = f"at {found.at:.3f} s " if found.at else ""
    yield f"  {_title(found)} {moment}{f'order {found.order_id}' if found.order_id else ''}".rstrip()
    for line in (first, *more):
        yield f"      {line}"


def _sold(plan: Plan, concerned: Collection[str]) -> Iterator[str]:
    for order_id in concerned:
        sold = plan.expected.orders.get(order_id)
        if sold is not None:
            units = ", ".join(f"{quantity} x {sku}" for sku, quantity in sold.units.items())
            yield f"  order {order_id}: {units}; paid {sold.paid} {sold.currency}, {sold.status}"
