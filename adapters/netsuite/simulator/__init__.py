"""A NetSuite account as seen through SuiteTalk REST: records, transforms, SuiteQL, sign-in, limits, refusals.

Sources are in the project's notes on vendors (6.1, 6.2); what is our reading or invented says so where it is. Amounts:
`grossAmt` is tax inside, `amount` net, `tax1Amt` the tax; a currency is `{"id", "refName": ISO code}`. Seeded orders
have the order id in `otherRefNum` and `externalId`, the order number in `tranId`. A kit's line is followed by its
members (`kitMemberOf` the kit's line, no amount, `custcol_list_price`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from adapters.netsuite.simulator import seeding
from adapters.netsuite.simulator.account import Account
from adapters.netsuite.simulator.auth import SignIn
from adapters.netsuite.simulator.face import Face
from adapters.netsuite.simulator.jobs import Jobs
from adapters.netsuite.simulator.render import render
from adapters.netsuite.simulator.service import Service, Tenant
from adapters.netsuite.simulator.settings import DEMO, AccountConfig, read_accounts
from adapters.simulators.clock import MACHINE, Clock
from adapters.simulators.front import Front
from adapters.simulators.ledger import Ledger

__all__ = ["DEMO", "NetSuiteSimulator"]


class NetSuiteSimulator:
    """All NetSuite accounts of the process."""

    name = "netsuite"

    def __init__(self, config: Mapping[str, Any], ledger: Ledger, front: Front, clock: Clock = MACHINE) -> None:
        self._configs = read_accounts(config)
        self._ledger = ledger
        self._clock = clock
        self._tenants: dict[str, Tenant] = {}
        self.service = Service(self._tenants, front)
        self.reset()

    def reset(self) -> None:
        for config in self._configs:
            self._tenants[config.realm] = self._tenant(config)

    def _tenant(self, config: AccountConfig) -> Tenant:
        account = Account(config.account, config.settings, self._ledger, self._clock, render)
        return Tenant(account, SignIn(config, self._clock), Jobs())

    def accounts(self) -> Iterable[str]:
        return [config.account for config in self._configs]

    def mount(self, app: web.Application) -> None:
        Face(self.service).mount(app)

    def seed(self, section: str, account: str, raw: Mapping[str, Any]) -> None:
        seeding.seed(self._account(account), section, raw)

    def settings(self, account: str) -> dict[str, Any]:
        return self._account(account).settings.as_json()

    def change(self, account: str, changes: Mapping[str, Any]) -> None:
        one = self._account(account)
        one.settings = one.settings.changed(changes)
        if "closed_periods" in changes:
            one.load_periods()
        if "inactive_customers" in changes:
            seeding.deactivate(one)

    def _account(self, name: str) -> Account:
        return next(tenant.account for tenant in self._tenants.values() if tenant.account.name == name)
