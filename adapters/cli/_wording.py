"""Times, ages and names as people read them (pure: the moment and the zone are passed in)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_of(name: str) -> tzinfo:
    """The zone of that name; UTC when this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def moment(text: str | None) -> datetime | None:
    """An RFC 3339 time; None for what is none."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def clock(text: str | None, now: datetime, zone: tzinfo) -> str:
    """`11:52:09` today, `30 Nov 11:40` on another day, with the year when it is another one; `-` when not known."""
    when = moment(text)
    if when is None:
        return "-"
    local, today = when.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return local.strftime("%H:%M:%S")
    if local.year == today.year:
        return f"{local.day} {local.strftime('%b %H:%M')}"
    return f"{local.day} {local.strftime('%b %Y %H:%M')}"


def age(text: str | None, now: datetime) -> str:
    """How long ago, in two units: `45 s`, `2 h 13 min`, `4 d 6 h`; `-` when not known."""
    when = moment(text)
    return "-" if when is None else length(now - when)


def length(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def money(text: str) -> str:
    """A decimal string with thousands set apart: `-1249.00` is `-1,249.00`."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, point, fraction = digits.partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}" if whole.isdigit() else text


def step_name(step: str, subject: str, *, return_id: str | None = None) -> str:
    """`credit note rf1`; a subject that begins with the return's own id is told without it."""
    name = step.removeprefix("effect:").replace("_", " ")
    if return_id and subject == return_id:
        return name
    if return_id and subject.startswith(f"{return_id}/"):
        subject = subject[len(return_id) + 1 :]
    return f"{name} {subject}".strip()
