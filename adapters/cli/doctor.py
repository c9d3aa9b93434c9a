"""`reveni-streams doctor`: is everything that this installation needs there, and is it set so that nothing is lost?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from adapters.cli._output import print_json

if TYPE_CHECKING:
    from adapters.broker.admin import Found
    from adapters.settings import Settings
    from streams.profile import Profile, Shelf

MAX_CLOCK_SECONDS = 2.0
"""Our clock against the broker's: signatures with a time and dates of attempts are read by people and other systems."""

Result = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    result: Result
    detail: str


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Check profile, accounts, broker, topics, time-outs, durability, clock; exit code 1: some failed, 2: no broker."""
    from adapters.broker.errors import BrokerUnreachable
    from adapters.settings import Settings

    settings = Settings()
    profile, findings = read_profile(settings)
    if profile is not None:
        findings += account_findings(profile)
        findings += asyncio.run(answer_findings(profile))
    reachable = True
    try:
        findings += asyncio.run(broker_findings(settings))
    except BrokerUnreachable as error:
        reachable = False
        findings.append(Finding("broker", "failed", str(error)))
    failed = any(finding.result == "failed" for finding in findings)
    if as_json:
        print_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            typer.echo(f"{finding.result:<8} {finding.check:<12} {finding.detail}")
    if not reachable:
        raise typer.Exit(2)
    if failed:
        raise typer.Exit(1)


def read_profile(settings: Settings) -> tuple[Profile | None, list[Finding]]:
    """The profile's file, and what is wrong with it; None where there is none that can be used."""
    from adapters.acts.publishing import read
    from streams.profile import ProfileFaults

    if settings.profile is None:
        text = "no file is set (REVENI_STREAMS_PROFILE); workers read the published one"
        return None, [Finding("profile", "warning", text)]
    try:
        profile = read(settings.profile.read_text(encoding="utf-8"), 1)
    except (ProfileFaults, UnicodeDecodeError) as error:
        lines = [line for line in str(error).splitlines() if line]
        return None, [Finding("profile", "failed", f"{settings.profile}: {line}") for line in lines]
    text = f"{settings.profile} is readable; accounts: {', '.join(profile.accounts)}"
    return profile, [Finding("profile", "ok", text)]


def account_findings(profile: Profile) -> list[Finding]:
    """Per account: a session that outlives a call, and credentials that are set."""
    import os

    from agents.dispatcher.app import DispatcherSettings, SessionTooShort, check_session
    from streams.topics import Topology

    found: list[Finding] = []
    for name, account in profile.accounts.items():
        session = DispatcherSettings(broker="", topology=Topology(), account=name, cluster="").session_seconds
        try:
            check_session(session, account.deadline_seconds)
            text = f"{session:g} s, for calls of at most {account.deadline_seconds:g} s"
            found.append(Finding(f"session {name}", "ok", text))
        except SessionTooShort as error:
            found.append(Finding(f"session {name}", "failed", str(error)))
        unset = sorted(variable for variable in account.credentials.values() if not os.environ.get(variable))
        if unset:
            text = f"not set here: {', '.join(unset)} (its dispatcher needs them)"
            found.append(Finding(f"sign-in {name}", "warning", text))
    return found


async def answer_findings(profile: Profile) -> list[Finding]:
    """What each account says to one signed read, where its credentials are set here."""
    import os

    names = [
        name
        for name, account in profile.accounts.items()
        if all(os.environ.get(variable) for variable in account.credentials.values())
    ]
    return list(await asyncio.gather(*(_answers(profile, name) for name in names)))


async def _answers(profile: Profile, name: str) -> Finding:
    """A refused sign-in is a failure; an account that is away, or behind somebody else's page, may come back."""
    from adapters import registry
    from adapters.runtime import read_credentials
    from streams.adapter import SignInRefused, VendorError

    account = profile.account(name)
    credentials = read_credentials(name, account.credentials)
    system, table = registry.system(account.system), profile.document["accounts"][name]
    try:
        await system.try_out(system.adapter(table, credentials, profile.merchant.time_zone), account.deadline_seconds)
    except SignInRefused as error:
        return Finding(f"account {name}", "failed", f"{account.title} refuses our sign-in: {error}")
    except VendorError as error:
        return Finding(f"account {name}", "warning", f"{account.title} does not answer as it should: {error}")
    return Finding(f"account {name}", "ok", f"{account.title} answers and accepts our sign-in")


async def broker_findings(settings: Settings) -> list[Finding]:
    """The broker and what is on it. Raises `BrokerUnreachable`."""
    from adapters.acts.publishing import TOPIC, published
    from adapters.broker.admin import broker_time, look, mismatches
    from adapters.views.reading import Unreachable

    connection, topology = settings.connection(), settings.topology()
    looked = await look(connection, topology)
    many = "broker" if looked.brokers == 1 else "brokers"
    where = f"{connection.address}: cluster {looked.cluster_id}, {looked.brokers} {many}"
    findings = [Finding("broker", "ok", where)]
    wrong = mismatches(looked, topology)
    findings += [Finding("topics", "failed", sentence) for sentence in wrong]
    if not wrong:
        findings.append(Finding("topics", "ok", f"{len(looked.topics)} topics are as they must be"))
    findings += durability_findings(looked, embedded=not connection.idempotent)
    profiles = topology.named(TOPIC)
    if profiles in looked.topics:
        try:
            findings += published_findings(await published(connection.consumer, profiles))
        except Unreachable as error:
            findings.append(Finding("published", "failed", str(error)))
    if topology.meta in looked.topics:
        findings.append(clock_finding(time.time(), await broker_time(connection, topology), time.time()))
    return findings


def published_findings(shelf: Shelf) -> list[Finding]:
    """The profile that workers use, and newer ones that they pass over."""
    found = [Finding("published", "warning", f"{one.sentence}; publish a profile again") for one in shelf.newer]
    if shelf.profile is not None:
        return [Finding("published", "ok", f"profile version {shelf.profile.version} is in force"), *found]
    text = "no usable profile is published, workers wait for one: reveni-streams profile publish FILE"
    return [Finding("published", "failed" if found else "warning", text), *found]


def durability_findings(found: Found, *, embedded: bool) -> list[Finding]:
    """What one lost disk, or one lost broker, would cost."""
    if embedded:
        return [Finding("durability", "warning", "the embedded broker keeps everything in memory: for trying out only")]
    single = sorted(name for name, topic in found.topics.items() if topic.replicas < 2)
    thin = sorted(
        name
        for name, topic in found.topics.items()
        if topic.replicas >= 2 and int(topic.settings.get("min.insync.replicas", "1")) < 2
    )
    unclean = sorted(
        name
        for name, topic in found.topics.items()
        if topic.settings.get("unclean.leader.election.enable", "false") == "true"
    )
    findings = []
    if single:
        text = f"{len(single)} topics have one copy (such as {single[0]}): a lost disk loses them; use 3"
        findings.append(Finding("durability", "warning", text))
    if thin:
        text = f"min.insync.replicas is 1 for {len(thin)} topics (such as {thin[0]}): acks=all means one copy; use 2"
        findings.append(Finding("durability", "warning", text))
    if unclean:
        text = (
            f"unclean leader election is on for {len(unclean)} topics (such as {unclean[0]}): it loses answered records"
        )
        findings.append(Finding("durability", "failed", text))
    if found.topics and not findings:
        findings.append(Finding("durability", "ok", "every topic has copies, two of them in sync before an answer"))
    return findings


def clock_finding(before: float, broker_ms: int | None, after: float) -> Finding:
    """Our clock (Unix seconds before and after the request) against the broker's."""
    if broker_ms is None:
        return Finding("clock", "warning", "this broker does not date records, so our clock was not compared")
    apart = max(before - broker_ms / 1000, broker_ms / 1000 - after, 0.0)
    result: Result = "failed" if apart > MAX_CLOCK_SECONDS else "ok"
    return Finding("clock", result, f"{apart:.3f} s from the broker's")
