"""What `[accounts.<name>.options]` may say of a NetSuite account: days, currencies, ledger accounts, custom fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters.netsuite.records import YEARS, key_of, name_of
from streams.adapter import Refused
from streams.money import DIGITS
from streams.profile import Fault, ProfileFaults
from streams.profile.reader import Table, suggestion
from streams.vocabulary import ErrorKind

RECEIVABLE, RETURNS = "119", "54"
"""The ids that a fresh account's chart gives Accounts Receivable and Sales (LOW: seen in public samples only)."""

_COLUMN, _BODY = re.compile(r"custcol[a-z0-9_]{1,50}", re.ASCII), re.compile(r"custbody[a-z0-9_]{1,50}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CustomFields:
    """The names of an account's custom fields (invented: NetSuite has none for these).

    An empty name: the account has no such field. It is neither written nor read, and everything works without it.
    """

    order_line_id: str = "custcol_order_line_id"
    return_reason: str = "custcol_return_reason"
    list_price: str = "custcol_list_price"
    refund_method: str = "custbody_refund_method"
    reverses: str = "custbody_reverses"

    @classmethod
    def none(cls) -> CustomFields:
        """Of an account without any custom field of ours."""
        return cls("", "", "", "", "")


def custom_of(record: Mapping[str, Any], name: str) -> Any:
    """What a custom field of a record or row shows; None where the account has no such field."""
    return record.get(name) if name else None


def written(name: str, value: Any) -> dict[str, Any]:
    """A custom field to be sent; nothing where the account has no such field, or there is nothing to say."""
    return {name: value} if name and value else {}


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """An account's options."""

    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """Dates of documents are days in this zone: the merchant's, unless the account says otherwise."""
    currencies: Mapping[str, str] = field(default_factory=dict)
    """ISO code -> internal id. Without an entry the currency is named by its ISO code."""
    receivable_account: str = RECEIVABLE
    returns_account: str = RETURNS
    """Where a reversal is booked."""
    fields: CustomFields = CustomFields()

    @classmethod
    def read(cls, options: Any, time_zone: str = "UTC") -> AccountSettings:
        """From the account's table of options and the merchant's time zone; raises `ProfileFaults` naming every fault.

        Names that are no option are passed over, as in a record that a newer program wrote; `profile publish` refuses
        them.
        """
        faults: list[Fault] = []
        settings = read_options(Table.at("options", options, faults), time_zone)
        standing = [fault for fault in faults if not fault.is_unknown_name]
        if standing:
            raise ProfileFaults(standing)
        return settings

    def currency(self, iso: str) -> dict[str, str]:
        number = self.currencies.get(iso)
        return {"id": number, "refName": iso} if number else {"refName": iso}

    def iso(self, reference: Any) -> str:
        """The ISO code of a currency as a record shows it."""
        number = key_of(reference)
        for iso, known in self.currencies.items():
            if known == number:
                return iso
        name = name_of(reference)
        return name if name in DIGITS else number if number in DIGITS else name

    def day(self, moment: str) -> date:
        """The account's day of an RFC 3339 time; raises `Refused` for what is none, or lies outside the calendar."""
        try:
            at = datetime.fromisoformat(moment)
            day = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(self.time_zone).date()
        except (ValueError, OverflowError, TypeError):
            day = None
        if day is None or day.year not in YEARS:
            raise Refused(ErrorKind.INVALID, f"{str(moment)[:60]!r} is no time that a document can be dated by")
        return day


def read_options(table: Table, time_zone: str) -> AccountSettings:
    """An account's options; what is wrong is noted in the table's faults. `time_zone` is the merchant's."""
    settings = AccountSettings(
        time_zone=_zone(table, time_zone),
        currencies=_currencies(table.table("currencies")),
        receivable_account=table.text("receivable_account", RECEIVABLE),
        returns_account=table.text("returns_account", RETURNS),
        fields=_custom_fields(table.table("fields")),
    )
    table.done()
    return settings


def _zone(table: Table, merchants: str) -> ZoneInfo:
    name = table.text("time_zone", merchants)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        if name:
            table.fault("time_zone", f"is {name[:40]!r}, not a time zone", 'for example "Europe/London"')
        return ZoneInfo("UTC")


def _currencies(table: Table) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for iso in list(table.names()):
        number = table.text(iso)
        if iso not in DIGITS:
            table.fault(iso, "is not the code of a currency", suggestion(iso, DIGITS) if iso.upper() in DIGITS else "")
        elif number in found.values():
            table.fault(iso, f"has the id {number[:20]!r} of another currency", "one id for each currency")
        found[iso] = number
    return found


def _custom_fields(table: Table) -> CustomFields:
    names: dict[str, str] = {}
    for entry in fields(CustomFields):
        usual = str(entry.default)
        if table.raw.get(entry.name) == "":
            table.seen.add(entry.name)
            names[entry.name] = ""
            continue
        name = table.text(entry.name, usual)
        form, prefix = (_COLUMN, "custcol") if usual.startswith("custcol") else (_BODY, "custbody")
        if name and not form.fullmatch(name):
            table.fault(entry.name, f"is {name[:60]!r}, not a custom field", f'{prefix}_...; "" where there is none')
        elif name in names.values():
            table.fault(entry.name, f"is {name!r}, which stands for something else already", "one field for each")
        names[entry.name] = name
    table.done()
    return CustomFields(**names)
