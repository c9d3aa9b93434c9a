"""The control plane: seeds, settings, faults, the ledger and the calls (CONTRACTS section 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from json import JSONDecodeError, loads
from typing import Any

import orjson
from aiohttp import web

from adapters.simulators.calls import CallLog
from adapters.simulators.faults import BadRule, Faults
from adapters.simulators.ledger import Ledger
from adapters.simulators.system import BadSeed, System

# The order matters: a kit's parts and an item's number are known before an order or a stock level names them.
SECTIONS = ("locations", "items", "kits", "customers", "orders", "invoices", "stock")


class Control:
    """Drives the simulators from outside; answers JSON, and 400 with the reason."""

    def __init__(
        self, systems: Sequence[System], ledger: Ledger, calls: CallLog, faults: Faults, reset: Callable[[], None]
    ) -> None:
        self._systems = systems
        self._ledger = ledger
        self._calls = calls
        self._faults = faults
        self._reset = reset

    def mount(self, app: web.Application) -> None:
        app.router.add_get("/_ledger", self.read_ledger)
        app.router.add_get("/_calls", self.read_calls)
        app.router.add_put("/_faults", self.put_faults)
        app.router.add_put("/_orders", self.put_orders)
        app.router.add_get("/_settings", self.read_settings)
        app.router.add_put("/_settings", self.put_settings)
        app.router.add_post("/_reset", self.reset)

    async def read_ledger(self, request: web.Request) -> web.Response:
        query = request.query
        body = self._ledger.read(
            query.get("account", ""), query.get("kind", ""), query.get("order_id", ""), _number(query, "since_seq")
        )
        return web.Response(body=body, content_type="application/json")

    async def read_calls(self, request: web.Request) -> web.Response:
        account = request.query.get("account", "")
        if request.query.get("summary", "") not in ("", "0", "false"):
            return _json(self._calls.summary(account))
        since = _number(request.query, "since_seq")
        faults_only = request.query.get("faults", "") not in ("", "0", "false")
        chosen = [
            call.as_json()
            for call in self._calls.calls[since:]
            if (not account or call.account == account) and (call.fault or not faults_only)
        ]
        return _json(chosen)

    async def put_faults(self, request: web.Request) -> web.Response:
        try:
            return _json({"rules": self._faults.put(await _body(request))})
        except BadRule as error:
            return _refused(error)

    async def put_orders(self, request: web.Request) -> web.Response:
        try:
            return _json(self.seed(await _body(request)))
        except BadSeed as error:
            return _refused(error)

    def seed(self, payload: Any) -> dict[str, int]:
        """Seed every list of the payload; what is named again is changed, nothing is removed."""
        if not isinstance(payload, Mapping):
            raise BadSeed("an object is wanted")
        unknown = sorted(set(payload) - set(SECTIONS))
        if unknown:
            raise BadSeed(f"unknown: {', '.join(unknown)}; known: {', '.join(SECTIONS)}")
        counts: dict[str, int] = {}
        for section in SECTIONS:
            for raw in payload.get(section, ()):
                account = str(raw.get("account", "")) if isinstance(raw, Mapping) else ""
                self._owner(account).seed(section, account, raw)
                counts[section] = counts.get(section, 0) + 1
        return counts

    async def read_settings(self, request: web.Request) -> web.Response:
        return _json({account: system.settings(account) for system in self._systems for account in system.accounts()})

    async def put_settings(self, request: web.Request) -> web.Response:
        """`{"account"?, ...}`, or a list of such objects under `settings`; without an account: all of them."""
        try:
            payload = await _body(request)
            changes = payload.get("settings", [payload]) if isinstance(payload, Mapping) else payload
            for change in changes:
                fields = dict(change)
                account = str(fields.pop("account", ""))
                for name in [account] if account else [a for s in self._systems for a in s.accounts()]:
                    self._owner(name).change(name, fields)
        except (BadSeed, TypeError, ValueError) as error:
            return _refused(error)
        return await self.read_settings(request)

    async def reset(self, request: web.Request) -> web.Response:
        self._reset()
        return _json({"reset": True})

    def _owner(self, account: str) -> System:
        for system in self._systems:
            if account in system.accounts():
                return system
        known = sorted(name for system in self._systems for name in system.accounts())
        raise BadSeed(f"no account {account!r}; known: {', '.join(known)}")


async def _body(request: web.Request) -> Any:
    try:
        return loads(await request.text(), parse_float=Decimal)
    except JSONDecodeError as error:
        raise BadSeed(f"not JSON: {error}") from None


def _number(query: Mapping[str, str], name: str) -> int:
    value = query.get(name, "0")
    return int(value) if value.isdecimal() else 0


def _json(value: Any) -> web.Response:
    return web.Response(body=orjson.dumps(value, default=str), content_type="application/json")


def _refused(error: Exception) -> web.Response:
    return web.Response(status=400, body=orjson.dumps({"error": str(error)}), content_type="application/json")
