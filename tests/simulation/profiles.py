"""Merchants' profiles and the settings of the account they speak of, from dice, around the profile of the demo.

What the profile says of the account is true of the simulated one: it applies no call later and reads no staler.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import orjson

from streams.profile import Profile

ACCOUNT = "ns"
DEMO = Path(__file__).parents[2] / "docker" / "profiles" / "demo.toml"

_APPROVALS = (["credit_note"], ["exchange_order"], ["credit_note", "exchange_order"], ["item_receipt"], ["reversal"])
_DURATIONS = {  # short ones pass within a run
    "return_authorisation": ("10s", "2m", "5m"),
    "credit_note": ("15s", "5m", "15m"),
    "exchange_order": ("15s", "5m", "15m"),
    "inspection": ("1m", "72h"),
    "progress": ("2m", "1h", "30d"),
}
# What a later version maps that no profile here has at first: the plots' own unknown codes.
_LATER = {
    "tax_codes": {"GB-MARGIN": {ACCOUNT: "5", "rate": "20"}},  # one that the account has
    "refund_methods": {"gift_token": {ACCOUNT: "gift_token"}},
    "reasons": {"moon_phase": {ACCOUNT: "9"}},
    "dispositions": {"scuffed": {"to": "quarantine"}},
}
_CUSTOM_FIELDS = ("order_line_id", "return_reason", "list_price", "refund_method", "reverses")
_MAPPINGS = ("reasons", "tax_codes", "dispositions", "refund_methods", "items")
_GAP_WEIGHTS = (3, 3, 4, 1, 1)


@cache
def _demo() -> bytes:
    """The demo's profile as a record has it: the file is read once in a process."""
    return orjson.dumps(Profile.from_toml(DEMO.read_text(encoding="utf-8"), 1).document)


def _fresh() -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(_demo())
    return document


def profile(dice: Random, skus: Sequence[str] = ()) -> dict[str, Any]:
    """The document of version 1; `skus` are those that the run's orders know."""
    document = _fresh()
    merchant, account, policies = document["merchant"], document["accounts"][ACCOUNT], document["policies"]
    merchant["inspection"] = dice.choices(("warehouse", "either", "reveni"), (6, 2, 2))[0]
    if dice.random() < 0.03:
        merchant["mode"] = "shadow"  # a later version goes live
    account["concurrency"] = dice.choices((dice.randint(1, 3), dice.randint(4, 15)), (1, 1))[0]
    if dice.random() < 0.25:
        account["window_seconds"] = dice.choice((1, 5, 10))
        account["calls_per_window"] = account["window_seconds"] * dice.randint(2, 8)
    account["deadline_seconds"] = dice.choice((1, 2, 4, 8))
    account["longest_execution_seconds"] = dice.choice((2, 10, 10, 60, 900))
    account["read_lag_seconds"] = dice.choice((0, 1, 2, 10, 30))
    policies["on_mismatch"] = dice.choices(("hold", "post_and_flag"), (4, 1))[0]
    policies["approval"] = dice.choice(_APPROVALS) if dice.random() < 0.15 else []
    policies["closed_period"] = dice.choice(("hold", "next_open"))
    document["tolerances"]["minor_units_per_line"] = dice.choice((0, 1, 1, 1, 5))
    document["deadlines"] = {name: dice.choice(lengths) for name, lengths in _DURATIONS.items()}
    _list_skus(dice, document, skus)
    if dice.random() < 0.2:
        for section in dice.choices(_MAPPINGS, _GAP_WEIGHTS, k=dice.randint(1, 2)):
            table = document[section]
            for name in dice.sample(sorted(table), min(len(table), dice.randint(1, 3))):
                del table[name]
    return document


def gaps(document: dict[str, Any]) -> list[str]:
    """What the demo's profile maps and this one does not (yet)."""
    full = _fresh()
    return [f"{section}.{name}" for section in _MAPPINGS for name in full[section] if name not in document[section]]


def next_version(dice: Random, document: dict[str, Any], skus: Sequence[str] = ()) -> dict[str, Any]:
    """Most of what is unmapped is mapped, and now and then something else is another than it was."""
    changed: dict[str, Any] = orjson.loads(orjson.dumps(document))
    full = _fresh()
    for section in _MAPPINGS:
        for name, entry in full[section].items():
            if name not in changed[section] and dice.random() < 0.8:
                changed[section][name] = entry
    for section, entries in _LATER.items():
        if dice.random() < 0.4:
            changed[section].update(orjson.loads(orjson.dumps(entries)))
    if not changed["skus"]["identity"]:
        for sku in skus:
            if sku not in changed["skus"] and dice.random() < 0.8:
                changed["skus"][sku] = {ACCOUNT: sku}
    changed["merchant"]["mode"] = "live"
    if dice.random() < 0.2 and changed["reasons"]:
        name = dice.choice(sorted(changed["reasons"]))
        changed["reasons"][name] = {ACCOUNT: str(20 + dice.randrange(9))}
    if dice.random() < 0.1:
        changed["policies"]["on_mismatch"] = dice.choice(("hold", "post_and_flag"))
    if dice.random() < 0.1:
        changed["policies"]["approval"] = [] if changed["policies"]["approval"] else dice.choice(_APPROVALS)
    if dice.random() < 0.1:
        changed["tolerances"]["minor_units_per_line"] = dice.choice((0, 1, 5))
    return changed


def vendor(dice: Random, document: dict[str, Any]) -> dict[str, Any]:
    """Settings of the simulated account, as its control route takes them."""
    account = document["accounts"][ACCOUNT]
    slowest = account["deadline_seconds"] * 1000 / 2
    least, most = dice.choice(((1, 5), (5, 20), (20, 200), (100, 900)))
    settings = {
        "limit": account["concurrency"],
        "latency_ms": [min(least, slowest / 2), min(most, slowest)],
        "read_lag_seconds": account["read_lag_seconds"] * dice.choice((0.5, 1)),
        "late_apply_max_seconds": account["longest_execution_seconds"] * dice.choice((0.25, 0.9)),
        "hold_seconds": dice.choice((15, 60, 120)),
        "duplicates_refused": dice.random() < 0.25,
        "strict_credit_quantity": dice.random() < 0.03,
    }
    if dice.random() < 0.06:
        settings["closed_periods"] = ["2026-11"]
    return settings


def without_custom_fields(document: dict[str, Any], vendor: dict[str, Any]) -> None:
    """An account that has none of our fields, and a profile that says so."""
    vendor["custom_fields"] = False
    options = document["accounts"][ACCOUNT].setdefault("options", {})
    options["fields"] = dict.fromkeys(_CUSTOM_FIELDS, "")


def _list_skus(dice: Random, document: dict[str, Any], skus: Sequence[str]) -> None:
    """A merchant whose SKUs are the account's items, or one who lists them: some by number, some not yet."""
    if dice.random() < 0.75 or not skus:
        return
    missing = dice.choice((0.0, 0.0, 0.15))
    document["skus"] = {"identity": False}
    for place, sku in enumerate(skus):
        if dice.random() >= missing:
            by_number = sku == "TEE-RED-M" or dice.random() < 0.2
            document["skus"][sku] = {
                ACCOUNT: ("4711" if sku == "TEE-RED-M" else str(7000 + place)) if by_number else sku
            }
