"""The HTTP face: who is asking, and is there room."""

from __future__ import annotations

from aiohttp import web

from adapters.netsuite.simulator.auth import SignInRefused, realm_of
from adapters.netsuite.simulator.errors import login_refused, too_many_requests
from adapters.netsuite.simulator.service import ROOT, Service, Tenant, failed
from adapters.simulators import face
from adapters.simulators.calls import Call
from adapters.simulators.exchange import ConnectionReset


class Face:
    """Routes calls to the account that their realm names."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._calls = service.front.calls

    def mount(self, app: web.Application) -> None:
        app.router.add_route("*", ROOT + "/{rest:.*}", self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """One call, from its arrival to its answer."""
        tenant = self._service.tenants.get(realm_of(request))
        if tenant is None:
            return face.response(failed(login_refused()))
        account = tenant.account
        call = await self._calls.begin(
            account.name, request.method, request.path, account.settings.limit, lambda: face.closed(request)
        )
        try:
            response = await self._answer(request, tenant, call)
            call.status = None if face.closed(request) else response.status
            return response
        finally:
            self._calls.end(call)

    async def _answer(self, request: web.Request, tenant: Tenant, call: Call) -> web.Response:
        if call.breach:
            return face.response(failed(too_many_requests()))
        read = await face.read(request)
        try:
            tenant.sign_in.check(request)
        except SignInRefused as error:
            call.note = str(error)
            return face.response(failed(login_refused(error.problem)))
        try:
            return face.response(await self._service.answer(read, tenant, call))
        except ConnectionReset:
            return face.reset(request)
