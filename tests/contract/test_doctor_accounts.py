"""`doctor` asks each account once, and says who answered: NetSuite, somebody in between, or nobody (B9)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from adapters.cli.doctor import Finding, answer_findings
from adapters.netsuite.simulator import DEMO
from streams.profile import Profile
from tests.contract.netsuite_account import netsuite

TEXT = (Path(__file__).parents[2] / "docker" / "profiles" / "demo.toml").read_text()
SECRETS = {"NS_ACCOUNT": DEMO["realm"]} | {
    f"NS_{name.upper()}": DEMO[name] for name in ("consumer_key", "consumer_secret", "token_id", "token_secret")
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)


async def asked(root: str) -> Finding:
    text = TEXT.replace("http://127.0.0.1:8600/netsuite", f"{root}/netsuite")
    (finding,) = await answer_findings(Profile.from_toml(text, 1))
    assert finding.check == "account ns"
    return finding


@asynccontextmanager
async def answering(status: int, body: str) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_an_account_that_answers_is_fine() -> None:
    """With the credentials of the demo."""
    async with netsuite() as account:
        finding = await asked(account.url)
    assert (finding.result, finding.detail) == ("ok", "NetSuite answers and accepts our sign-in")


async def test_a_refused_sign_in_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account waits until a person renews the credentials."""
    monkeypatch.setenv("NS_TOKEN_SECRET", "wrong")
    async with netsuite() as account:
        finding = await asked(account.url)
    assert finding.result == "failed"
    assert finding.detail.startswith("NetSuite refuses our sign-in: ") and "wrong" not in finding.detail


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 407, 503])
async def test_a_page_of_somebody_else_is_told_with_its_words(status: int) -> None:
    """A proxy's 401 is no trouble with our credentials."""
    async with answering(status, "<html><h1>Acme proxy</h1></html>") as root:
        finding = await asked(root)
    assert finding.result == "warning"
    assert finding.detail.startswith("NetSuite does not answer as it should: ")
    assert str(status) in finding.detail
    assert status == 200 or "in a form that is not NetSuite's: Acme proxy" in finding.detail


async def test_an_account_that_is_away_is_a_warning() -> None:
    """It may come back; its commands wait meanwhile."""
    async with answering(200, "") as root:
        pass
    finding = await asked(root)
    assert finding.result == "warning" and "connection" in finding.detail


async def test_an_account_without_credentials_here_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its dispatcher needs them."""
    monkeypatch.delenv("NS_TOKEN_ID")
    assert await answer_findings(Profile.from_toml(TEXT, 1)) == []
