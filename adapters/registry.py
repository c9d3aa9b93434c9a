"""The systems that an account may be of: for each, its adapter and its playbook. A new one is one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streams.adapter import Adapter, Limits
from streams.playbook import Playbook

AdapterFactory = Callable[[Mapping[str, Any], Mapping[str, str]], Adapter]


class UnknownSystem(ValueError):
    """The profile names a system that nobody has built an adapter for."""


@dataclass(frozen=True, slots=True)
class System:
    """A system's two halves; each is imported when it is first asked for."""

    adapter: AdapterFactory
    playbook: Callable[[], Playbook]


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


def _netsuite(account: Mapping[str, Any], credentials: Mapping[str, str]) -> Adapter:
    from adapters.netsuite.adapter import NetSuite
    from adapters.netsuite.client import Client
    from adapters.netsuite.records import AccountSettings
    from adapters.netsuite.wire import Credentials, HttpWire

    client = Client(str(account["base_url"]), HttpWire(Credentials(**credentials)))
    return NetSuite(client, limits_of(account), AccountSettings.read(account))


def _netsuite_playbook() -> Playbook:
    from adapters.netsuite.playbook import NETSUITE

    return NETSUITE


SYSTEMS: dict[str, System] = {"netsuite": System(_netsuite, _netsuite_playbook)}


def system(name: str) -> System:
    """The system of that name; raises `UnknownSystem`."""
    try:
        return SYSTEMS[name]
    except KeyError:
        raise UnknownSystem(f"no system {name!r}; known: {', '.join(sorted(SYSTEMS))}") from None
