"""An account's configuration, and the settings that `PUT /_settings` changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from adapters.simulators.system import BadSeed

# Documented demo account; `demo` and tests sign in with it.
DEMO = {
    "realm": "TSTDRV1",
    "account": "ns",
    "consumer_key": "demo-consumer-key",
    "consumer_secret": "demo-consumer-secret",
    "token_id": "demo-token-id",
    "token_secret": "demo-token-secret",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How the account behaves."""

    limit: int = 15
    """Requests in flight at once, account-wide (base 15 for a tier-1 account)."""
    latency_ms: tuple[float, float] = (5.0, 20.0)
    read_lag_seconds: float = 2.0
    """No read is ever staler; it is stale only where a `stale read` rule says so."""
    late_apply_max_seconds: float = 10.0
    hold_seconds: float = 120.0
    """How long a hung call is held before it is reset; callers give up earlier."""
    refund_in_advance: bool = True
    """The preference 'Refund in Advance of Return'."""
    return_approval: bool = False
    """True: a new return authorisation is Pending Approval."""
    duplicates_refused: bool = False
    """True: a second record of a type with the same externalId is refused."""
    strict_credit_quantity: bool = False
    """True: several credit memos of one return may not credit a unit twice (not re-read; the default is lenient)."""
    learn_item_ids: bool = True
    """Seeds may name SKUs only. An item number that is new is then learnt from the order line or refName beside it."""
    custom_fields: bool = True
    """False: the account has no custom field at all; none is shown, and a write that names one is refused."""
    closed_periods: tuple[str, ...] = ()
    """Months, as "2026-10"."""
    inactive_customers: tuple[str, ...] = ()
    """External or internal ids."""

    def changed(self, changes: Mapping[str, Any]) -> Settings:
        """A copy with some settings set; raises `BadSeed`."""
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        values: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in known:
                raise BadSeed(f"no setting {name!r}; known: {', '.join(known)}")
            try:
                values[name] = _read(name, value, known[name])
            except (TypeError, ValueError) as error:
                raise BadSeed(f"setting {name}: {error}") from None
        return replace(self, **values)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def _read(name: str, value: Any, default: Any) -> Any:
    if name == "latency_ms":
        pair = (value.get("min", 0), value.get("max", 0)) if isinstance(value, Mapping) else tuple(value)
        least, most = (float(one) for one in pair)
        if not 0 <= least <= most:
            raise ValueError("min and max are wanted")
        return (least, most)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError("true or false is wanted")
        return value
    if isinstance(default, tuple):
        return tuple(str(one) for one in value)
    return type(default)(value)


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """One NetSuite account: the OAuth realm, its credentials, and the ledger's name for it."""

    realm: str
    account: str
    consumer_key: str
    consumer_secret: str
    token_id: str
    token_secret: str
    settings: Settings = field(default_factory=Settings)


def read_accounts(config: Mapping[str, Any]) -> list[AccountConfig]:
    """`{"settings": {...}, "accounts": {"<realm>": {"account": "ns", "consumer_key": ..., "settings": {...}}}}`.

    Without `accounts` there is the demo account; what an account does not say is the demo account's.
    """
    shared = Settings().changed(config.get("settings", {}))
    accounts = config.get("accounts") or {DEMO["realm"]: {}}
    return [
        AccountConfig(
            realm=realm,
            settings=shared.changed(raw.get("settings", {})),
            **{name: str(raw.get(name, DEMO[name])) for name in DEMO if name != "realm"},
        )
        for realm, raw in accounts.items()
    ]
