"""A record of a command topic, read once: what is not a command to this account goes no further."""

from __future__ import annotations

import re

from agents.described import described
from streams.commands import Command
from streams.vocabulary import ErrorKind

LONGEST_COMMAND = 900_000  # bytes; `begun` holds a command and a little more, and the brokers take 1,048,576 at most

_ID = re.compile(r"[a-z2-7]{32}", re.ASCII)


class NotACommand(Exception):
    """The record is no command to this account, or none that could be written down again."""

    def __init__(self, message: str, *, kind: ErrorKind = ErrorKind.INVALID, type: str = "ValueError") -> None:
        super().__init__(message)
        self.message, self.kind, self.type = message, kind, type


def read_command(value: bytes | None, account: str) -> Command:
    """Raises `NotACommand`, whatever the bytes are."""
    if value is not None and len(value) > LONGEST_COMMAND:
        text = f"it has {len(value):,} bytes, and a command may have {LONGEST_COMMAND:,}"
        raise NotACommand(text, kind=ErrorKind.TOO_LARGE)
    try:
        command = Command.decode(value or b"")
        _check(command, account)
        command.encode()  # what was nested deeper than can be written again would end the process at `begun`
    except Exception as error:
        raise NotACommand(described(error), type=type(error).__name__) from error
    return command


def _check(command: Command, account: str) -> None:
    if command.account != account:
        raise ValueError(f"it is for account {command.account!r}")
    if not isinstance(command.id, str) or not _ID.fullmatch(command.id):
        raise ValueError(f"its id is none: {str(command.id)[:60]!r}")
    if not all(isinstance(text, str) for text in (command.order_key, command.subject, command.hash, command.asked_at)):
        raise TypeError("order, subject, hash or time is not a text")
    if not isinstance(command.body, dict) or not isinstance(command.adopt_since, str | None):
        raise TypeError("the body is not an object, or the adoption's date not a text")
    numbers = (command.revision, command.profile_version, *command.row_stamp)
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise TypeError("revision, profile version or row stamp is not a whole number")
    if not all(isinstance(flag, bool) for flag in (command.look_first, command.void, command.shadow)):
        raise TypeError("look_first, void or shadow is neither true nor false")
