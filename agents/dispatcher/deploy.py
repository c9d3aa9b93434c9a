"""The stop for a bad deploy (E09), for one account: what is read, and how what is carried out ends."""

from __future__ import annotations

from agents.gate import DeadRatio, Stop


class DeployStopped(Exception):
    """E09: almost everything fails by our own fault, so the account stops instead of dead-lettering it all."""


class Deploy:
    """Says when to stop: most records are unreadable, or most commands end by a fault of ours.

    The two are counted apart, each against its own kind: a record is read long before its command ends, and what was
    just read well would hide what now fails.
    """

    def __init__(self, *, stops: bool = True) -> None:
        self._read = DeadRatio(stops=stops)
        self._ended = DeadRatio(stops=stops)

    def note_read(self, *, good: int, poison: int) -> None:
        """A batch has been read, and nothing was done about it yet. Raises `DeployStopped`."""
        self._judge(self._read.note(good=good, poison=poison), failed=poison > 0)

    def note_end(self, *, bug: bool) -> None:
        """A command has ended, and nobody was told yet. Raises `DeployStopped`."""
        self._judge(self._ended.note(good=not bug, bug=bug), failed=bug)

    @staticmethod
    def _judge(stop: Stop | None, *, failed: bool) -> None:
        """What went well is never held back, however much else fails."""
        if stop is not None and failed:
            raise DeployStopped(stop.reason)
