"""A merchant's profile in one version: settings and policies, and the codes that each account uses for our words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time
from typing import Any, Final

import orjson

from streams.json_text import Unreadable, read_plain
from streams.money import TaxInside
from streams.profile.faults import Fault, ProfileFaults, Unmapped
from streams.profile.load import read_sections
from streams.profile.model import AccountSettings, Disposition, Item, Sections, TaxCode
from streams.vocabulary import Owner

RECORD_FORMAT: Final = 1

MAX_VERSION: Final = 1_000_000_000
"""Versions are counted, one for each publishing; from beyond it none could be counted on for ever."""


@dataclass(frozen=True, slots=True)
class Profile(Sections):
    """Immutable. Look-ups return the account's code or raise `Unmapped`; an unknown account is a `KeyError`."""

    version: int
    document: Mapping[str, Any] = field(repr=False, compare=False)  # as JSON values

    @classmethod
    def from_toml(cls, text: str, version: int) -> Profile:
        """Read the merchant's file; raises `ProfileFaults` with every fault in it."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ProfileFaults([Fault("(file)", f"is not TOML: {error}")]) from None
        except RecursionError:
            raise ProfileFaults([Fault("(file)", "is nested too deeply")]) from None
        return cls._of(read_sections(document), version, _plain(document))

    @classmethod
    def from_record(cls, value: bytes) -> Profile:
        """Read a record of the `profiles` topic; raises `ProfileFaults` (a `ValueError`) for what is none."""
        try:
            record = read_plain(value)
        except Unreadable as error:
            raise ProfileFaults([Fault("(record)", f"is {error}")]) from None
        if not isinstance(record, dict) or record.get("format") != RECORD_FORMAT:
            raise ProfileFaults([Fault("(record)", f"is not a profile record of format {RECORD_FORMAT}")])
        version = record.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise ProfileFaults([Fault("version", "is not a whole number from 1 up")])
        if version > MAX_VERSION:
            raise ProfileFaults([Fault("version", f"is {version}, beyond {MAX_VERSION}: it was not counted up to")])
        return cls._of(read_sections(record.get("profile"), strict=False), version, record["profile"])

    @classmethod
    def _of(cls, sections: Sections, version: int, document: Mapping[str, Any]) -> Profile:
        values = {entry.name: getattr(sections, entry.name) for entry in fields(Sections)}
        return cls(**values, version=version, document=document)

    def to_record(self) -> bytes:
        """The canonical record: the same profile and version give the same bytes."""
        record = {"format": RECORD_FORMAT, "version": self.version, "profile": self.document}
        return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)

    # -- accounts and roles

    def account(self, name: str) -> AccountSettings:
        return self.accounts[name]

    def role_account(self, role: str) -> str:
        """The account that plays a role: order_authority, finance_ledger, stock_ledger or order_desk."""
        account: str = getattr(self.roles, role)
        return account

    def role_accounts(self) -> tuple[str, ...]:
        """Every account with a role, each once, the order authority first."""
        roles = self.roles
        named = (roles.order_authority, roles.finance_ledger, roles.stock_ledger, roles.order_desk)
        return tuple(dict.fromkeys((*named, *roles.sales_channels)))

    # -- codes

    def sku_code(self, sku: str, account: str) -> str:
        code = self.skus.get(sku, {}).get(account)
        if code is None and self.skus_are_codes:
            return sku
        return self._code(code, f"skus.{sku}.{account}", Owner.ECOMMERCE, account, f"code for SKU {sku}")

    def location_code(self, location: str, place: str, account: str) -> str:
        code = self.locations.get(location, {}).get(account, {}).get(place)
        key, what = f"locations.{location}.{account}.{place}", f"{place.replace('_', '-')} location for {location}"
        return self._code(code, key, Owner.WAREHOUSE, account, what)

    def sellable_locations(self, account: str) -> tuple[str, ...]:
        """The account's codes of all places that goods are sold from, each once."""
        codes = (by_account.get(account, {}).get("sellable") for _, by_account in sorted(self.locations.items()))
        return tuple(dict.fromkeys(code for code in codes if code is not None))

    def disposition(self, name: str) -> Disposition:
        found = self.dispositions.get(name)
        if found is None:
            sentence = f"The profile does not say what happens to goods found {name or 'without a disposition'}."
            raise Unmapped(f"dispositions.{name}", Owner.WAREHOUSE, sentence)
        return found

    def reason_code(self, reason: str, account: str) -> str:
        code = self.reasons.get(reason, {}).get(account)
        return self._code(code, f"reasons.{reason}.{account}", Owner.CX, account, f"code for return reason {reason}")

    def tax_code(self, code: str, account: str) -> TaxCode:
        found = self.tax_codes.get(code, {}).get(account)
        if found is None:
            raise self._unmapped(f"tax_codes.{code}.{account}", Owner.FINANCE, account, f"code for tax code {code}")
        return found

    def item_for(self, kind: str, account: str) -> Item:
        """The item that stands for shipping, fee, bonus, goodwill or adjustment; its tax code is the merchant's."""
        found = self.items.get(kind, {}).get(account)
        if found is None:
            raise self._unmapped(f"items.{kind}.{account}", Owner.FINANCE, account, f"item for {kind}")
        if not found.tax_code:
            raise Unmapped(f"items.{kind}.tax_code", Owner.FINANCE, f"The profile has no tax code for {kind}.")
        return found

    def item_taxes(self, account: str) -> dict[str, TaxInside]:
        """The tax inside each kind of item, where the profile can say; what is missing is named by `item_for`."""
        taxes = {}
        for kind in self.items:
            try:
                name = self.item_for(kind, account).tax_code
                taxes[kind] = self.tax_code(name, account).inside(name)
            except Unmapped:
                continue
        return taxes

    def refund_method(self, method: str, account: str) -> str:
        code = self.refund_methods.get(method, {}).get(account)
        key, what = f"refund_methods.{method}.{account}", f"posting for refunds by {method}"
        return self._code(code, key, Owner.FINANCE, account, what)

    def is_bundle(self, sku: str) -> bool:
        """Whether the merchant sells this SKU as a bundle: without stored components it cannot be taken apart."""
        return sku in self.bundles

    def _code(self, code: str | None, key: str, owner: Owner, account: str, what: str) -> str:
        if code is None:
            raise self._unmapped(key, owner, account, what)
        return code

    def _unmapped(self, key: str, owner: Owner, account: str, what: str) -> Unmapped:
        return Unmapped(key, owner, f"{self.accounts[account].title} has no {what}.")


def _plain(value: Any) -> Any:
    """TOML values as JSON values."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else value
