"""OAuth 1.0a token-based sign-in, checked for real: HMAC-SHA256, a nonce used once, a timestamp in the window."""

from __future__ import annotations

import hmac
from collections import deque
from types import SimpleNamespace

from aiohttp import web
from oauthlib.oauth1.rfc5849 import signature

from adapters.netsuite.simulator.settings import AccountConfig
from adapters.simulators.clock import MACHINE, Clock

WINDOW_SECONDS = 300


class SignInRefused(Exception):
    """The reason in words, for the list of calls, and OAuth's word for it, for the caller."""

    def __init__(self, reason: str, problem: str = "token_rejected") -> None:
        super().__init__(reason)
        self.problem = problem


def realm_of(request: web.Request) -> str:
    """The account that the call says it is for; empty without OAuth 1.0a."""
    return _oauth(request).get("realm", "")


def _oauth(request: web.Request) -> dict[str, str]:
    header = request.headers.get("Authorization", "")
    if not header.lower().startswith("oauth "):
        return {}
    try:
        return dict(
            signature.collect_parameters(
                headers={"Authorization": header}, exclude_oauth_signature=False, with_realm=True
            )
        )
    except ValueError:
        return {}


class SignIn:
    """The guard of one account; it remembers nonces for as long as their timestamps would pass."""

    def __init__(self, config: AccountConfig, clock: Clock = MACHINE) -> None:
        self._config = config
        self._clock = clock
        self._secrets = SimpleNamespace(client_secret=config.consumer_secret, resource_owner_secret=config.token_secret)
        self._seen: set[tuple[str, str]] = set()
        self._order: deque[tuple[float, tuple[str, str]]] = deque()

    def check(self, request: web.Request) -> None:
        """Raises `SignInRefused`."""
        given = _oauth(request)
        wanted = self._config
        if not given:
            raise SignInRefused("no OAuth 1.0a header")
        if given.get("oauth_signature_method") != "HMAC-SHA256":
            raise SignInRefused("signature method is not HMAC-SHA256", "signature_method_rejected")
        if given.get("oauth_consumer_key") != wanted.consumer_key or given.get("oauth_token") != wanted.token_id:
            raise SignInRefused("unknown consumer key or token")
        if not hmac.compare_digest(given.get("oauth_signature", ""), self._signature(request)):
            raise SignInRefused("signature does not match", "signature_invalid")
        stamp, nonce = given.get("oauth_timestamp", ""), given.get("oauth_nonce", "")
        now = self._clock.now().timestamp()
        if not stamp.isdecimal() or abs(now - int(stamp)) > WINDOW_SECONDS:
            raise SignInRefused("timestamp out of the window", "timestamp_refused")
        if not nonce or (stamp, nonce) in self._seen:
            raise SignInRefused("nonce used before", "nonce_used")
        while self._order and self._order[0][0] < now - 2 * WINDOW_SECONDS:
            self._seen.discard(self._order.popleft()[1])
        self._seen.add((stamp, nonce))
        self._order.append((now, (stamp, nonce)))

    def _signature(self, request: web.Request) -> str:
        url = f"{request.scheme}://{request.host}{request.raw_path}"
        parameters = signature.collect_parameters(
            uri_query=request.raw_path.partition("?")[2],
            headers={"Authorization": request.headers["Authorization"]},
            exclude_oauth_signature=True,
            with_realm=False,
        )
        base = signature.signature_base_string(
            request.method, signature.base_string_uri(url), signature.normalize_parameters(parameters)
        )
        signed: str = signature.sign_hmac_sha256_with_client(base, self._secrets)
        return signed
