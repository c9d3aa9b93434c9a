"""Publishing a profile: the one way in which the workers come to know it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from adapters.acts.audit import Actor, write_audit
from adapters.acts.installation import Installation
from adapters.registry import account_faults, read_published
from adapters.views.reading import NewConsumer, TopicUnreadable, records
from streams.profile import Profile, ProfileFaults, Shelf, version_of

TOPIC = "profiles"
ABSENT = "(absent)"


class Overtaken(Exception):
    """Somebody else published at the same moment; the workers use whichever came first."""


async def published(new_consumer: NewConsumer, topic: str) -> Shelf:
    """The newest profile that workers can use, and what they pass over."""
    shelf = Shelf(read_published)
    async for record in records(new_consumer, topic):
        shelf.take(record.value, record.offset, record.timestamp)
    return shelf


def read(text: str, version: int) -> Profile:
    """The profile of a TOML text; raises `ProfileFaults` with every fault, those of its systems' options among them."""
    profile = Profile.from_toml(text, version)
    if faults := account_faults(profile):
        raise ProfileFaults(faults)
    return profile


def changes(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> list[tuple[str, Any, Any]]:
    """Every setting that differs: its path, what it was, what it is."""
    found: list[tuple[str, Any, Any]] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, ABSENT), after.get(name, ABSENT)
        here = f"{path}.{name}" if path else name
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += changes(old, new, here)
        elif old != new:
            found.append((here, old, new))
    return found


async def publish(installation: Installation, actor: Actor, profile: Profile, changed: Collection[str]) -> None:
    """Audit it and write it; raises `Overtaken` when the same version was taken by somebody else first."""
    topic = installation.topology.named(TOPIC)
    async with installation.writer() as writer:
        details = {"version": profile.version, "merchant": profile.merchant.name, "changed": list(changed)}
        await write_audit(installation, writer, actor, "profile publish", None, details)
        _, offset = await writer.put(topic, profile.merchant.name.encode(), profile.to_record())
    async for record in records(installation.new_consumer, topic):
        if record.offset < offset and record.value is not None and version_of(record.value) == profile.version:
            raise Overtaken(
                f"Version {profile.version} was published by somebody else a moment before; that one is in force. "
                "Compare with `reveni-streams profile show`, then publish again."
            )


async def time_zone(new_consumer: NewConsumer, topic: str) -> str:
    """The merchant's time zone; UTC while no profile is known."""
    try:
        profile = (await published(new_consumer, topic)).profile
    except TopicUnreadable:
        return "UTC"
    return profile.merchant.time_zone if profile is not None else "UTC"
