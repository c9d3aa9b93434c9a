"""The systems that an account may be of: for each, its adapter and its playbook. A new one is one line here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from streams.adapter import Adapter, Limits
from streams.playbook import Playbook
from streams.profile import Fault, Profile, ProfileFaults
from streams.profile.reader import Table, suggestion


class AdapterFactory(Protocol):
    """Makes the adapter of an account from its table of the profile, its secrets and the merchant's time zone."""

    def __call__(
        self, account: Mapping[str, Any], credentials: Mapping[str, str], time_zone: str = "UTC"
    ) -> Adapter: ...


class OptionsReader(Protocol):
    """Reads a system's own options out of `[accounts.<name>.options]`; what is wrong is noted in the table's faults."""

    def __call__(self, table: Table, time_zone: str) -> object: ...


class Alone:
    """`Calls` of somebody who asks an account once, outside its dispatcher: each within a deadline."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    @asynccontextmanager
    async def call(self, name: str, *, write: bool = False) -> AsyncIterator[None]:
        async with asyncio.timeout(self._seconds):
            yield


class UnknownSystem(ValueError):
    """The profile names a system that nobody has built an adapter for."""


class Trial(Protocol):
    """Asks an account for as little as there is, and closes the adapter; raises a `VendorError` of what came of it."""

    def __call__(self, adapter: Adapter, seconds: float) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class System:
    """What a system declares; each part is imported when it is first asked for."""

    adapter: AdapterFactory
    playbook: Callable[[], Playbook]
    options: OptionsReader
    try_out: Trial


def limits_of(account: Mapping[str, Any]) -> Limits:
    """The limits in an account's table of the profile (CONTRACTS section 6)."""
    default = Limits()
    return Limits(
        concurrency=int(account.get("concurrency", default.concurrency)),
        calls_per_window=int(account.get("calls_per_window", default.calls_per_window)),
        window_seconds=float(account.get("window_seconds", default.window_seconds)),
        deadline_seconds=float(account.get("deadline_seconds", default.deadline_seconds)),
        longest_execution_seconds=float(account.get("longest_execution_seconds", default.longest_execution_seconds)),
        read_lag_seconds=float(account.get("read_lag_seconds", default.read_lag_seconds)),
    )


def _netsuite(account: Mapping[str, Any], credentials: Mapping[str, str], time_zone: str = "UTC") -> Adapter:
    from adapters.netsuite.adapter import NetSuite
    from adapters.netsuite.client import Client
    from adapters.netsuite.options import AccountSettings
    from adapters.netsuite.wire import Credentials, HttpWire

    client = Client(str(account["base_url"]), HttpWire(Credentials(**credentials)))
    return NetSuite(client, limits_of(account), AccountSettings.read(account.get("options", {}), time_zone))


def _netsuite_playbook() -> Playbook:
    from adapters.netsuite.playbook import NETSUITE

    return NETSUITE


def _netsuite_options(table: Table, time_zone: str) -> object:
    from adapters.netsuite.options import read_options

    return read_options(table, time_zone)


async def _try_netsuite(adapter: Adapter, seconds: float) -> None:
    from adapters.netsuite.adapter import NetSuite

    assert isinstance(adapter, NetSuite)
    try:
        await adapter.try_out(Alone(seconds))
    finally:
        await adapter.close()


SYSTEMS: dict[str, System] = {
    "netsuite": System(_netsuite, _netsuite_playbook, _netsuite_options, _try_netsuite),
}


def system(name: str) -> System:
    """The system of that name; raises `UnknownSystem`."""
    try:
        return SYSTEMS[name]
    except KeyError:
        raise UnknownSystem(f"no system {name!r}; known: {', '.join(sorted(SYSTEMS))}") from None


def account_faults(profile: Profile) -> tuple[Fault, ...]:
    """What is wrong with the profile's accounts that only their systems can tell: no adapter, and wrong options."""
    faults: list[Fault] = []
    for name, account in profile.accounts.items():
        path = f"accounts.{name}"
        if account.system in SYSTEMS:
            table = Table.at(f"{path}.options", account.options, faults)
            SYSTEMS[account.system].options(table, profile.merchant.time_zone)
        else:
            mend = suggestion(account.system, SYSTEMS)
            faults.append(Fault(f"{path}.system", f"is {account.system[:40]!r}, which no adapter is for", mend))
    return tuple(faults)


def read_published(value: bytes) -> Profile:
    """A record of the `profiles` topic as workers use it; raises `ProfileFaults` where an account cannot be used.

    Names that nobody here reads may be a newer program's: they are passed over.
    """
    profile = Profile.from_record(value)
    if wrong := [fault for fault in account_faults(profile) if not fault.is_unknown_name]:
        raise ProfileFaults(wrong)
    return profile
