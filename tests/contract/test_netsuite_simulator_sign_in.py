"""The simulated NetSuite checks OAuth 1.0a for real, and a client that nobody here wrote gets through."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from unittest.mock import patch

import pytest
from netsuite import NetSuiteRestApi
from netsuite.config import Config, TokenAuth
from netsuite.exceptions import NetsuiteAPIRequestError

from adapters.netsuite.simulator import DEMO
from tests.contract.netsuite_account import QUICK, Account, Reply, netsuite


@pytest.fixture
async def ns() -> AsyncIterator[Account]:
    async with netsuite() as account:
        yield account


def refused(reply: Reply) -> bool:
    return (reply.status, reply.code) == (401, "INVALID_LOGIN_ATTEMPT")


@pytest.mark.parametrize("secret", ["consumer_key", "consumer_secret", "token_id", "token_secret", "realm"])
async def test_a_wrong_credential_is_refused(ns: Account, secret: str) -> None:
    """Each of the five, with the same answer."""
    url = ns.rest("/record/v1/salesOrder")
    assert refused(await ns.send("GET", url, ns.signed("GET", url, **{secret: "wrong"})))


async def test_no_credential_is_refused(ns: Account) -> None:
    """Neither nothing nor basic sign-in is accepted."""
    url = ns.rest("/record/v1/salesOrder")
    assert refused(await ns.send("GET", url, {}))
    assert refused(await ns.send("GET", url, {"Authorization": "Basic eDp5"}))
    assert refused(await ns.send("GET", url, {"Authorization": "OAuth nonsense"}))


async def test_a_nonce_is_good_once(ns: Account) -> None:
    """A request sent again with its old header, as some HTTP clients do by themselves, is refused."""
    url = ns.rest("/record/v1/salesOrder")
    headers = ns.signed("GET", url)
    assert (await ns.send("GET", url, headers)).status == 200
    again = await ns.send("GET", url, headers)
    assert refused(again)
    assert "nonce_used" in again.headers["WWW-Authenticate"]
    calls = await ns.control("GET", "/_calls")
    assert calls[-1]["note"] == "nonce used before"


async def test_an_old_timestamp_is_refused(ns: Account) -> None:
    """Signed ten minutes ago is too late."""
    url = ns.rest("/record/v1/salesOrder")
    with patch("oauthlib.oauth1.rfc5849.generate_timestamp", return_value=str(int(time.time()) - 600)):
        headers = ns.signed("GET", url)
    assert refused(await ns.send("GET", url, headers))


async def test_the_signature_covers_method_and_query(ns: Account) -> None:
    """A header signed for one call does not open another."""
    url = ns.rest("/record/v1/salesOrder", q='otherRefNum IS "5001"')
    other = ns.rest("/record/v1/salesOrder", q='otherRefNum IS "5002"')
    assert refused(await ns.send("GET", other, ns.signed("GET", url)))
    assert refused(await ns.send("POST", url, ns.signed("GET", url), {}))
    assert (await ns.send("GET", url, ns.signed("GET", url))).status == 200


async def test_two_realms_are_two_accounts() -> None:
    """The realm decides whose books a call is about, and the ledger says which."""
    accounts = {
        "TSTDRV1": {},
        "TSTDRV1_SB1": {"account": "ns-sandbox", "consumer_secret": "another"},
    }
    async with netsuite({"netsuite": {**QUICK["netsuite"], "accounts": accounts}}) as ns:
        url = ns.rest("/record/v1/customer/eid:c-1")
        sandbox = {"realm": "TSTDRV1_SB1", "consumer_secret": "another"}
        assert (await ns.send("PUT", url, ns.signed("PUT", url, **sandbox), {"lastName": "One"})).status == 204
        assert (await ns.call("GET", "/record/v1/customer/eid:c-1")).status == 404
        assert [entry["account"] for entry in await ns.ledger(account="ns-sandbox")] == ["ns-sandbox"]
        assert await ns.ledger(account="ns") == []


class _Local(NetSuiteRestApi):
    """The published client with another host; all else is its own."""

    base = ""

    def _make_url(self, subpath: str) -> str:
        return f"{self.base}/netsuite/services/rest{subpath}"


def published_client(ns: Account, **secrets: str) -> _Local:
    known = {**DEMO, **secrets}
    auth = TokenAuth(**{name: known[name] for name in ("consumer_key", "consumer_secret", "token_id", "token_secret")})
    client = _Local(Config(account=known["realm"], auth=auth))
    client.base = ns.url
    return client


async def test_the_published_netsuite_client_runs_against_the_simulator(ns: Account) -> None:
    """PyPI's `netsuite`: its own signing, look-ups, SuiteQL, transforms, PATCH and PUT."""
    client = published_client(ns)
    found = await client.get("/record/v1/salesOrder", params={"q": 'otherRefNum IS "5001"'})
    key = found["items"][0]["id"]
    order = await client.get(f"/record/v1/salesOrder/{key}", params={"expandSubResources": "true"})
    assert order["item"]["items"][0]["item"]["refName"] == "TEE-RED-M"
    made = await client.request(
        "POST",
        f"/record/v1/salesOrder/{key}/!transform/returnAuthorization",
        params={"replace": "item"},
        json={"externalId": "r1", "item": {"items": [{"orderLine": 1, "quantity": 1}]}},
    )
    assert made.status_code == 204
    authorisation = made.headers["Location"].rsplit("/", 1)[-1]
    memo = await client.request(
        "POST", f"/record/v1/returnAuthorization/{authorisation}/!transform/creditMemo", json={"externalId": "m1"}
    )
    memo_id = memo.headers["Location"].rsplit("/", 1)[-1]
    invoice = (await client.get("/record/v1/invoice", params={"q": f"createdFrom EQUAL {key}"}))["items"][0]["id"]
    apply = {"apply": {"items": [{"apply": True, "doc": {"id": invoice}, "amount": 40}]}}
    assert await client.patch(f"/record/v1/creditMemo/{memo_id}", json=apply) is None
    assert await client.put("/record/v1/customer/eid:c-9", json={"lastName": "Nine"}) is None
    rows = await client.suiteql(
        "SELECT id, tranid FROM transaction WHERE type = 'RtnAuth' AND externalid = 'r1'", limit=5
    )
    assert rows["items"][0]["id"] == authorisation
    kinds = [entry["kind"] for entry in await ns.ledger()]
    assert kinds == ["return_authorisation", "credit_note", "credit_application", "customer"]


async def test_the_published_client_reads_our_errors_as_netsuites(ns: Account) -> None:
    """A wrong secret and a business refusal reach its caller as its own exception."""
    with pytest.raises(NetsuiteAPIRequestError, match="INVALID_LOGIN_ATTEMPT"):
        await published_client(ns, token_secret="wrong").get("/record/v1/salesOrder")
    with pytest.raises(NetsuiteAPIRequestError, match="USER_ERROR"):
        await published_client(ns).post("/record/v1/creditMemo", json={"entity": {"externalId": "c-77"}})
