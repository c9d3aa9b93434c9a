"""Which commands fail by themselves: failures held against a command because others on the account succeed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class _Suspect:
    count: int
    write: bool  # whether its last failure was a write
    reads: int  # the account's successes at that failure...
    writes: int
    own_reads: int = 0  # ...and its own since
    own_writes: int = 0
    alone: bool = False  # others succeeded between its last two failures


class Suspects:
    """Counts a command's failures, each only if another command succeeded since the one before.

    In an outage nobody succeeds, so nothing is held against anyone however long it lasts (E02). A failed write is held
    against its command only when another's write succeeded: look-ups often go on while writes are down.
    """

    def __init__(self, remembered: int = 10_000) -> None:
        self.remembered = remembered  # ten times the dispatcher's window; the oldest is forgotten first
        self._suspects: OrderedDict[str, _Suspect] = OrderedDict()
        self._reads = 0
        self._writes = 0

    def failed(self, command_id: str, *, write: bool) -> int:
        """Note a failure; returns `held_against` this command."""
        suspect = self._suspects.pop(command_id, None)
        count, others = 1, 0
        if suspect is not None:
            others = self._writes - suspect.writes - suspect.own_writes
            if not suspect.write:
                others += self._reads - suspect.reads - suspect.own_reads
            count = suspect.count + (others > 0)
        elif len(self._suspects) >= self.remembered:
            self._suspects.popitem(last=False)
        self._suspects[command_id] = _Suspect(count, write, self._reads, self._writes, alone=others > 0)
        return count

    def succeeded(self, command_id: str, *, write: bool) -> None:
        """Note a call that was answered; the command itself may still fail at its next call."""
        self._writes += write
        self._reads += not write
        suspect = self._suspects.get(command_id)
        if suspect is not None:
            suspect.own_writes += write
            suspect.own_reads += not write

    def held_against(self, command_id: str) -> int:
        """How many times the command failed while others succeeded; its first failure counts, too."""
        suspect = self._suspects.get(command_id)
        return suspect.count if suspect else 0

    def fails_alone(self, command_id: str) -> bool:
        """Whether its last failure was held against it; not so in an outage, whatever was before."""
        suspect = self._suspects.get(command_id)
        return suspect is not None and suspect.alone

    def forget(self, command_id: str) -> None:
        """The command has ended."""
        self._suspects.pop(command_id, None)
