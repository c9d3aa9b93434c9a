"""The sections of a merchant's profile, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import gcd
from typing import Any

from streams.money import TaxInside
from streams.vocabulary import Owner

PLACES = ("sellable", "quarantine", "write_off")
ITEM_KINDS = ("shipping", "fee", "bonus", "goodwill", "adjustment")


@dataclass(frozen=True, slots=True)
class Merchant:
    name: str
    time_zone: str
    inspection: str  # who decides about goods: reveni | warehouse | either
    mode: str  # live | shadow (L02)
    start_from: datetime | None  # L01: returns whose news is older belong to whoever handled them before


@dataclass(frozen=True, slots=True)
class Roles:
    """Which account plays which part; `sales_channels` may be none."""

    order_authority: str
    finance_ledger: str
    stock_ledger: str
    order_desk: str
    sales_channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account of one system. `credentials` holds names of environment variables, never a secret."""

    name: str
    system: str
    title: str  # what people call the system
    base_url: str
    concurrency: int
    head_room: int  # calls of the limit that are left to others
    calls_per_window: int  # 0: no such limit
    window_seconds: float
    deadline_seconds: float
    longest_execution_seconds: float
    read_lag_seconds: float
    reference_enforced: frozenset[str]  # document kinds whose external reference the account keeps unique
    credentials: Mapping[str, str]
    options: Mapping[str, Any]  # what only this system's adapter reads, and checks; as written


@dataclass(frozen=True, slots=True)
class Disposition:
    """What happens to goods found in a condition: they go to a place (or nowhere), or wait for a team."""

    to: str | None  # sellable | quarantine | write_off | nothing; None when held
    hold: Owner | None = None


@dataclass(frozen=True, slots=True)
class TaxCode:
    """An account's code for a tax, and the rate in per cent as a decimal text."""

    code: str
    rate: str

    def inside(self, name: str) -> TaxInside:
        """The fraction of a gross amount that is this tax."""
        whole, _, fraction = self.rate.partition(".")
        scale = 10 ** len(fraction)
        part = int(whole + fraction)
        shared = gcd(part, 100 * scale + part)
        return TaxInside(name, part // shared, (100 * scale + part) // shared)


@dataclass(frozen=True, slots=True)
class Item:
    """The account's item for a charge without a SKU, and the merchant's tax code for it."""

    code: str
    tax_code: str


@dataclass(frozen=True, slots=True)
class Policies:
    on_mismatch: str  # hold | post_and_flag
    approval: frozenset[str]  # document kinds that wait for a person (R18)
    finalise: str  # at_refund | after_inspection (R19)
    batch_minutes: int  # R20; 0: at once
    closed_period: str  # hold | next_open (R22)
    refund_in_advance: bool  # false: the account refuses a credit before the goods are received, so the note waits


@dataclass(frozen=True, slots=True)
class Tolerances:
    minor_units_per_line: int


@dataclass(frozen=True, slots=True)
class Sections:
    """Everything a profile says. Tables by name, then by account."""

    merchant: Merchant
    roles: Roles
    accounts: Mapping[str, AccountSettings]
    locations: Mapping[str, Mapping[str, Mapping[str, str]]]  # warehouse -> account -> place -> code
    dispositions: Mapping[str, Disposition]
    reasons: Mapping[str, Mapping[str, str]]
    tax_codes: Mapping[str, Mapping[str, TaxCode]]
    skus: Mapping[str, Mapping[str, str]]
    skus_are_codes: bool  # a SKU not listed is itself
    bundles: frozenset[str]
    items: Mapping[str, Mapping[str, Item]]
    refund_methods: Mapping[str, Mapping[str, str]]
    policies: Policies
    tolerances: Tolerances
    deadlines: Mapping[str, timedelta]
