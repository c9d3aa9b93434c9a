"""`reveni-streams profile`: publish the merchant's profile, and show the one in force."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.acts.audit import Actor
from adapters.acts.publishing import ABSENT, TOPIC, Overtaken, changes, publish, published, read
from adapters.cli._terminal import (
    FOUND,
    By,
    Json,
    Yes,
    command_line,
    confirm,
    fail,
    hint,
    installation,
    out,
    out_json,
    run,
)
from adapters.views.timeline import millis
from streams.profile import Profile, ProfileFaults, Skipped

MOST_CHANGES = 20

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="""The merchant's profile: workers read the published one only.

    Examples: profile publish profile.toml --reason "GB-ZERO mapped" · profile show · profile show --json
    """,
)


@app.command("publish")
def publish_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The profile, TOML.")],
    by: By,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "profile published",
    yes: Yes = False,
) -> None:
    """Check a profile and publish it as the next version; what waits for its mappings goes on."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}")
    try:
        draft = read(text, 1)  # before anything is asked of Kafka
    except ProfileFaults as error:
        _show_faults(file, error)
    place = installation()
    topic = place.topology.named(TOPIC)
    shelf = run(published(place.new_consumer, topic))
    last, profile = shelf.profile, read(text, shelf.next_version)
    changed = changes(last.document, profile.document) if last is not None else []
    _tell_skipped(shelf.newer)
    if last is not None and not changed and not shelf.newer:
        hint(f"Version {last.version} says the same already; nothing was published.")
        return
    for line in change_lines(changed):
        out(line)
    command = command_line(["profile", "publish", str(file)], {"--reason": reason, "--by": by})
    confirm(f"Publish version {profile.version} for {draft.merchant.name}?", yes=yes, command=command)
    try:
        run(publish(place, Actor(by, reason), profile, [path for path, _, _ in changed]))
    except Overtaken as error:
        hint(str(error))
        raise typer.Exit(FOUND) from None
    except ValueError as error:
        fail(str(error))
    out(f"Version {profile.version} is published; orders that wait for one of its mappings go on by themselves.")


@app.command("show")
def show(json: Json = False) -> None:
    """The profile in force, and newer ones that cannot be used; exit code 1 if there are such, or none at all."""
    place = installation()
    shelf = run(published(place.new_consumer, place.topology.named(TOPIC)))
    found = shelf.profile
    if json:
        passed = [{"version": one.version, "offset": one.offset, "why": one.why} for one in shelf.newer]
        at = millis(shelf.timestamp) or None if found is not None else None
        version, document = (found.version, found.document) if found is not None else (None, None)
        out_json({"version": version, "published_at": at, "profile": document, "skipped": passed})
    elif found is not None:
        for line in profile_text(found, shelf.timestamp):
            out(line)
    _tell_skipped(shelf.newer)
    if found is None:
        hint("No usable profile is published. Next: reveni-streams profile publish FILE")
    if found is None or shelf.newer:
        raise typer.Exit(FOUND)


def _tell_skipped(skipped: Sequence[Skipped]) -> None:
    for one in skipped:
        hint(f"{one.sentence[:1].upper()}{one.sentence[1:]}")
    if skipped:
        hint("Workers go on with the newest version that they can use; publishing again puts a usable one above these.")


def _show_faults(file: Path, error: ProfileFaults) -> None:
    for fault in error.faults:
        out(str(fault))
    hint(f"{file} has {len(error.faults)} {'fault' if len(error.faults) == 1 else 'faults'}; nothing was published.")
    raise typer.Exit(FOUND)


def change_lines(changed: list[tuple[str, Any, Any]]) -> list[str]:
    """What a new version changes, setting by setting."""
    lines = []
    for path, old, new in changed[:MOST_CHANGES]:
        if old is ABSENT:
            lines.append(f"+ {path} = {_shown(new)}")
        elif new is ABSENT:
            lines.append(f"- {path} = {_shown(old)}")
        else:
            lines.append(f"~ {path}: {_shown(old)} -> {_shown(new)}")
    if len(changed) > MOST_CHANGES:
        lines.append(f"first {MOST_CHANGES} of {len(changed)} changes")
    return lines


def profile_text(profile: Profile, published_at: int) -> list[str]:
    """The profile's outline: who does what, and how many words are mapped."""
    merchant, roles = profile.merchant, profile.roles
    lines = [
        f"Profile of {merchant.name}, version {profile.version}, published {millis(published_at)}",
        f"  mode {merchant.mode}, time zone {merchant.time_zone}, inspection by {merchant.inspection}",
        f"  orders {roles.order_authority}, finance {roles.finance_ledger}, stock {roles.stock_ledger}, "
        f"order desk {roles.order_desk}",
    ]
    for name, account in sorted(profile.accounts.items()):
        lines.append(f"  account {name}: {account.title}, {account.base_url}, concurrency {account.concurrency}")
    sections = ("locations", "dispositions", "reasons", "tax_codes", "skus", "items", "refund_methods")
    counts = [f"{len(getattr(profile, section))} {section.replace('_', ' ')}" for section in sections]
    return [*lines, f"  mapped: {', '.join(counts)}"]


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
