"""The dispatcher's side: begun before called, outcome before done, and nothing acknowledged that is not kept (I2, I10).

Also I7: what a command is called is frozen with what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from adapters.generator.books import REFERENCED
from tests.simulation.checks.conservation import LogRecord
from tests.simulation.checks.findings import Findings

Rank = tuple[list[int], int]  # the row's stamp, the revision

_CALLED = REFERENCED | {"exchange_order"}


class Dispatches:
    """Follows the command topics, the accounts' tables and the outcomes."""

    def __init__(self, findings: Findings) -> None:
        self.buried: set[tuple[str, int, int]] = set()
        self._findings = findings
        self._commands: dict[tuple[str, int], list[tuple[int, str, int, str]]] = {}  # offset, id, revision, order
        self._committed: dict[tuple[str, int], int] = {}
        self._hashes: dict[tuple[str, int, int], tuple[str, bool]] = {}
        self._begun: set[str] = set()
        self._kept: dict[str, int] = {}  # id: the highest revision in the table
        self._ended: dict[str, int] = {}  # id: the highest revision with an outcome
        self._done: set[str] = set()  # ids with an outcome that says done
        self._ends_of: dict[tuple[str, str], str] = {}  # kind, number: the command that was done with this document
        self._ranks: dict[str, Rank] = {}  # id: the highest that the table has
        self._known: dict[int, dict[str, Rank]] = {}  # owner's epoch: what it had read, and has written itself since

    def command(self, topic: str, partition: int, record: LogRecord, raw: Mapping[str, Any] | None) -> None:
        """A record of a command topic; `raw` is None where it is no command."""
        place = (topic, partition)
        if raw is None:
            self._commands.setdefault(place, []).append((record.offset, "", 0, ""))
            return
        cid, revision, order_key = raw["id"], raw["revision"], raw["order_key"]
        self._commands.setdefault(place, []).append((record.offset, cid, revision, order_key))
        self._findings.check("I7")
        # A worker that lost its orders unknowingly may name its own the same: the row's stamp tells them apart.
        name, says = (cid, revision, raw["row_stamp"][0]), (raw["hash"], raw["void"])
        if self._hashes.setdefault(name, says) != says:
            what = f"revision {revision} of command {cid} was frozen as {self._hashes[name][0]}; it now says {says[0]}"
            self._findings.add("I7", "command-changed", order_key, what)

    def outcome(self, event: Mapping[str, Any]) -> None:
        cid = str(event["command_id"])
        self._ended[cid] = max(int(event["revision"]), self._ended.get(cid, 0))
        if event["status"] == "done":
            self._done.add(cid)
            self._ends(cid, event)

    def _ends(self, cid: str, event: Mapping[str, Any]) -> None:
        """A document is the end of one command only, whoever made it (L01)."""
        self._findings.check("I2")
        kind, number = event["kind"], str(event["number"])
        other = self._ends_of.setdefault((kind, number), cid)
        if kind in _CALLED and other != cid:
            what = f"{kind} {number} was to stand for one command; it stands for {other} and for {cid}"
            self._findings.add("I2", "document-shared", str(event["order_key"]), what, cid)

    def table(self, record: LogRecord) -> bool:
        """A record of an account's table; whether it says that the account has another owner now."""
        try:
            raw = orjson.loads(record.value or b"")
            state = raw["state"]
            cid = (record.key or b"").decode()
            if state == "owned":
                self._known[int(raw["epoch"])] = dict(self._ranks)
                return not raw["released"]
            said = raw["command"] if state == "begun" else raw["outcome"]
            revision, epoch = int(said["revision"]), int(raw["written"][0])
            rank: Rank = (list((said if state == "begun" else raw)["row_stamp"]), revision)
        except (ValueError, KeyError, TypeError, IndexError):
            return False  # nothing that the dispatcher writes: a rotten byte
        self._kept[cid] = max(revision, self._kept.get(cid, 0))
        known = self._known.setdefault(epoch, {})
        if state == "begun":
            self._begun.add(cid)
            if raw["sends"]:
                self._sends(cid, said, rank, known.get(cid))
        elif said["status"] == "done":
            self._findings.check("I10")
            if cid not in self._done:
                what = f"command {cid} was written down as done; its outcome is not in the topic yet"
                self._findings.add("I10", "done-before-outcome", str(said["order_key"]), what)
        for ranks in (known, self._ranks):
            ranks[cid] = max(rank, ranks.get(cid, rank))
        return False

    def _sends(self, cid: str, command: Mapping[str, Any], rank: Rank, known: Rank | None) -> None:
        """What is begun to be sent is wanted, and no older than what its owner knows of."""
        self._findings.check("I2")
        about = f"{command['kind']} {command['subject']} of order {command['order_key']}, revision {rank[1]},"
        if command["void"]:
            what = f"{about} is not wanted any more; it was begun to be sent"
            self._findings.add("I2", "void-begun", command["order_key"], what, cid)
        if known is not None and rank < known:
            what = f"{about} was begun to be sent; revision {known[1]} of a later row was in the table by then"
            self._findings.add("I2", "older-begun", command["order_key"], what, cid)

    def entry(self, entry: Mapping[str, Any]) -> None:
        """A document that carries a command's id was begun before it was asked for."""
        if entry["op"] != "create" or entry["kind"] not in _CALLED or not entry["external_ref"]:
            return
        self._findings.check("I10")
        if entry["external_ref"] not in self._begun:
            what = f"{entry['kind']} {entry['number']} was made; command {entry['external_ref']} was never begun"
            self._findings.add("I10", "called-before-begun", entry["order_id"] or "", what)

    def committed(self, topic: str, partition: int, offset: int) -> None:
        place = (topic, partition)
        start = self._committed.get(place, 0)
        if offset <= start:
            return
        self._committed[place] = offset
        for at, cid, revision, order_key in reversed(self._commands.get(place, ())):
            if at < start:
                break
            if at >= offset:
                continue
            self._findings.check("I10")
            if cid:
                kept = max(self._kept.get(cid, 0), self._ended.get(cid, 0)) >= revision or cid in self._done
            else:
                kept = (topic, partition, at) in self.buried
            if not kept:
                what = f"{topic}-{partition}@{at} was acknowledged; command {cid} revision {revision} is in no table"
                self._findings.add("I10", "command-forgotten", order_key, what)

    def at_rest(self) -> None:
        """I9: each command came to an end, or a letter says what it was."""
        for (topic, partition), commands in self._commands.items():
            self._findings.check("I9", len(commands))
            for at, cid, revision, order_key in commands:
                ended = self._ended.get(cid, 0) >= revision or cid in self._done
                if not ended and (topic, partition, at) not in self.buried:
                    what = f"command {cid} revision {revision} was asked at {topic}@{at}; it never ended"
                    self._findings.add("I9", "command-without-end", order_key, what)
