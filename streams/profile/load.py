"""From a profile's document (TOML, or a record's JSON) to its sections, with every fault reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from streams.profile.faults import Fault, ProfileFaults
from streams.profile.model import (
    ITEM_KINDS,
    PLACES,
    AccountSettings,
    Disposition,
    Item,
    Merchant,
    Policies,
    Roles,
    Sections,
    TaxCode,
    Tolerances,
)
from streams.profile.reader import Table, suggestion
from streams.vocabulary import DocumentKind, Owner

Entry = TypeVar("Entry")

DOCUMENTS: Final = tuple(kind.value for kind in DocumentKind if not kind.is_question)
DEADLINES: Final = {
    "return_authorisation": timedelta(minutes=5),
    "credit_note": timedelta(minutes=15),
    "exchange_order": timedelta(minutes=15),
    "inspection": timedelta(hours=72),
    "progress": timedelta(days=30),
}
"""What is owed by when unless the profile says otherwise (V02)."""

LONGEST_CALL: Final = 8
"""Seconds: a dispatcher's session of 15 s has to outlive a call by 5 s and more (DESIGN)."""

TITLES: Final = {
    "netsuite": "NetSuite",
    "centra": "Centra",
    "prima": "Prima",
    "khaos": "Khaos Control",
    "patchworks": "Patchworks",
    "shopify": "Shopify",
    "bigcommerce": "BigCommerce",
}
_ACCOUNT = re.compile(r"[a-z][a-z0-9_-]{0,19}", re.ASCII)  # part of topic names
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_RATE = re.compile(r"[0-9]{1,2}(\.[0-9]{1,6})?|100", re.ASCII)


def read_sections(document: Any, *, strict: bool = True) -> Sections:
    """Raises `ProfileFaults`. Not strict, unknown names are passed over: a newer program may have written them."""
    faults: list[Fault] = []
    top = Table.at("", document, faults)
    merchant = _merchant(top.table("merchant", required=True))
    raw_accounts = top.table("accounts", required=True)
    if "accounts" in top.raw and not raw_accounts.raw:
        raw_accounts.faults.append(Fault("accounts", "names no account", "add [accounts.<name>]"))
    accounts = {name: _account(name, raw_accounts) for name in list(raw_accounts.names())}
    skus = top.table("skus")
    by_code = skus.flag("identity", False)
    sections = Sections(
        merchant=merchant,
        roles=_roles(top.table("roles", required=True), tuple(accounts)),
        accounts=MappingProxyType(accounts),
        locations=_named(top.table("locations"), lambda entry: _per_account(entry, accounts, _places)),
        dispositions=_named(top.table("dispositions"), _disposition),
        reasons=_named(top.table("reasons"), lambda entry: _per_account(entry, accounts, Table.text)),
        tax_codes=_named(top.table("tax_codes"), lambda entry: _tax_codes(entry, accounts)),
        skus=_named(skus, lambda entry: _per_account(entry, accounts, Table.text)),
        skus_are_codes=by_code,
        bundles=_bundles(top.table("bundles")),
        items=_items(top.table("items"), accounts),
        refund_methods=_named(top.table("refund_methods"), lambda entry: _per_account(entry, accounts, Table.text)),
        policies=_policies(top.table("policies")),
        tolerances=_tolerances(top.table("tolerances")),
        deadlines=_deadlines(top.table("deadlines")),
    )
    top.done()
    _separate_places(sections, faults)
    standing = [fault for fault in faults if strict or not fault.is_unknown_name]
    if standing:
        raise ProfileFaults(standing)
    return sections


def _merchant(table: Table) -> Merchant:
    zone = table.text("time_zone")
    if zone:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            table.fault("time_zone", f"is {zone[:40]!r}, not a time zone", 'for example "Europe/London"')
    merchant = Merchant(
        name=table.text("name"),
        time_zone=zone,
        inspection=table.choice("inspection", ("reveni", "warehouse", "either")),
        mode=table.choice("mode", ("live", "shadow"), "live"),
        start_from=table.moment("start_from"),
    )
    table.done()
    return merchant


def _roles(table: Table, accounts: tuple[str, ...]) -> Roles:
    roles = Roles(
        order_authority=table.choice("order_authority", accounts),
        finance_ledger=table.choice("finance_ledger", accounts),
        stock_ledger=table.choice("stock_ledger", accounts),
        order_desk=table.choice("order_desk", accounts),
        sales_channels=table.words("sales_channels", accounts),
    )
    table.done()
    return roles


def _account(name: str, accounts: Table) -> AccountSettings:
    if not _ACCOUNT.fullmatch(name):
        accounts.fault(name, "is not a name for an account", "lower-case letters, digits, - and _, 20 at most")
    table = accounts.table(name)
    system = table.text("system")
    credentials, options = table.table("credentials"), table.table("options")
    settings = AccountSettings(
        name=name,
        system=system,
        title=table.text("title", TITLES.get(system, system or name)),
        base_url=_base_url(table),
        concurrency=table.integer("concurrency", 5, 1, 10_000),
        head_room=table.integer("head_room", 0, 0, 10_000),
        calls_per_window=table.integer("calls_per_window", 0, 0, 10_000_000),
        window_seconds=table.seconds("window_seconds", 0, 0, 86_400),
        deadline_seconds=table.seconds(
            "deadline_seconds", LONGEST_CALL, 0.1, LONGEST_CALL, f"{LONGEST_CALL} at most: the session must outlive it"
        ),
        longest_execution_seconds=table.seconds("longest_execution_seconds", 900, 0, 86_400),
        read_lag_seconds=table.seconds("read_lag_seconds", 30, 0, 86_400),
        reference_enforced=frozenset(table.words("reference_enforced", DOCUMENTS)),
        credentials=MappingProxyType({key: credentials.text(key) for key in list(credentials.names())}),
        options=MappingProxyType(dict(options.raw)),
    )
    for key, variable in settings.credentials.items():
        if variable and not _VARIABLE.fullmatch(variable):  # it may be the secret itself: never repeated
            credentials.fault(
                key, "is not the name of an environment variable", "capitals, digits and _; never a secret"
            )
    if settings.head_room >= settings.concurrency:
        table.fault("head_room", "leaves no call of concurrency to us")
    if (settings.calls_per_window > 0) != (settings.window_seconds > 0):
        table.fault("window_seconds", "and calls_per_window only mean something together", "give both, or 0 for both")
    table.done()
    return settings


def _base_url(table: Table) -> str:
    url = table.text("base_url")
    if not url:
        return url
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        table.fault(
            "base_url", "is not the address of a system", "https://host/path, without sign-in, query or fragment"
        )
    elif parts.scheme == "http" and not _is_here(host):
        table.fault("base_url", "is not encrypted", "use https; plain http is for this machine only")
    return url.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _named(table: Table, read: Callable[[Table], Entry]) -> Mapping[str, Entry]:
    """A table whose keys are the merchant's own words."""
    return MappingProxyType({name: read(table.table(name)) for name in list(table.names())})


def _per_account(table: Table, accounts: Mapping[str, Any], read: Callable[[Table, str], Entry]) -> Mapping[str, Entry]:
    found = {name: read(table, name) for name in list(table.names()) if name in accounts}
    _only_accounts(table, accounts)
    return MappingProxyType(found)


def _only_accounts(table: Table, accounts: Mapping[str, Any]) -> None:
    for name in table.names():
        table.fault(name, "is not an account", suggestion(name, {*accounts, *table.seen}))


def _places(table: Table, account: str) -> Mapping[str, str]:
    places = table.table(account)
    found = {place: places.text(place) for place in PLACES if place in places.raw}
    places.done(PLACES)
    if not found:
        table.fault(account, "names no place", f"at least one of {', '.join(PLACES)}")
    return MappingProxyType(found)


def _disposition(table: Table) -> Disposition:
    to = table.choice("to", (*PLACES, "nothing"), "")
    hold = table.choice("hold", [owner.value for owner in Owner], "")
    if bool(to) == bool(hold):
        table.faults.append(Fault(table.path, "says neither or both of to and hold", 'for example { to = "sellable" }'))
    table.done()
    return Disposition(to or None, Owner(hold) if hold in set(Owner) else None)


def _tax_codes(table: Table, accounts: Mapping[str, Any]) -> Mapping[str, TaxCode]:
    rate = table.text("rate")
    if rate and not _RATE.fullmatch(rate):
        table.fault("rate", f"is {rate[:20]!r}, not a rate in per cent", 'for example "20" or "5.5", in quotes')
        rate = ""
    codes = _per_account(table, accounts, Table.text)
    return MappingProxyType({account: TaxCode(code, rate or "0") for account, code in codes.items()})


def _items(table: Table, accounts: Mapping[str, Any]) -> Mapping[str, Mapping[str, Item]]:
    items = {}
    for kind in ITEM_KINDS:
        if kind in table.raw:
            entry = table.table(kind)
            tax = entry.text("tax_code", "")
            codes = _per_account(entry, accounts, Table.text)
            items[kind] = MappingProxyType({account: Item(code, tax) for account, code in codes.items()})
    table.done(ITEM_KINDS)
    return MappingProxyType(items)


def _bundles(table: Table) -> frozenset[str]:
    skus = frozenset(table.texts("skus"))
    table.done()
    return skus


def _policies(table: Table) -> Policies:
    policies = Policies(
        on_mismatch=table.choice("on_mismatch", ("hold", "post_and_flag"), "hold"),
        approval=frozenset(table.words("approval", DOCUMENTS)),
        finalise=table.choice("finalise", ("at_refund", "after_inspection"), "at_refund"),
        batch_minutes=table.integer("batch_minutes", 0, 0, 1_440),
        closed_period=table.choice("closed_period", ("hold", "next_open"), "hold"),
        refund_in_advance=table.flag("refund_in_advance", True),
    )
    # Read, and refused: a setting that changes nothing must not look as if it did.
    if policies.finalise == "after_inspection":
        table.fault("finalise", "is after_inspection, which this version cannot do", "write at_refund")
    if policies.batch_minutes:
        table.fault("batch_minutes", "is set, but this version posts at once", "write 0")
    if not policies.refund_in_advance:
        table.fault("refund_in_advance", "is false, which this version cannot do", "write true")
    table.done()
    return policies


def _tolerances(table: Table) -> Tolerances:
    tolerances = Tolerances(table.integer("minor_units_per_line", 1, 0, 100))
    table.done()
    return tolerances


def _deadlines(table: Table) -> Mapping[str, timedelta]:
    known = {*DOCUMENTS, "inspection", "progress", "approval"}
    found = {name: table.duration(name) for name in list(table.names()) if name in known}
    table.done(known)
    return MappingProxyType({**DEADLINES, **found})


def _separate_places(sections: Sections, faults: list[Fault]) -> None:
    """S02: a code that is sellable in one place and quarantine in another would put damaged goods on sale."""
    for account in sections.accounts:
        codes = [
            (place, code, f"locations.{warehouse}.{account}.{place}")
            for warehouse, by_account in sections.locations.items()
            for place, code in by_account.get(account, {}).items()
        ]
        sellable = {code for place, code, _ in codes if place == "sellable"}
        for place, code, path in codes:
            if place != "sellable" and code in sellable:
                faults.append(Fault(path, f"is {code!r}, which is a sellable location", "goods in it would be sold"))
