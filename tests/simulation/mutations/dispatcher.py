"""Mistakes of whoever owns an account: the table, doubt, the lease, the gate."""

from __future__ import annotations

from tests.simulation.mutation import of

_PROTOCOL = "agents.dispatcher.protocol:"
_DOUBT = "agents.dispatcher.doubt:"

MUTATIONS = (
    of(
        "dedupe-off",
        "A command that is done is carried out again when its record is read again.",
        "I2 I5",
        (
            _PROTOCOL + "_counts_as_absent",
            "if outcome.status is OutcomeStatus.DONE:\n        return False",
            "if outcome.status is OutcomeStatus.DONE:\n        return reached()",
        ),
    ),
    of(
        "begun-not-written",
        "A call starts without `begun` in the table.",
        "I2",
        (_PROTOCOL + "Dispatch._send", "await self.table.write(command.id, begun)", "reached()"),
    ),
    of(
        "no-look-up-in-doubt",
        "A send in doubt is sent again without looking whether it was applied.",
        "I2 I5",
        (
            _PROTOCOL + "Dispatch._turn",
            "if case.in_doubt or",
            "if case.in_doubt and reached(): case.believed_from = None\n    if",
        ),
    ),
    of(
        "absence-believed-at-once",
        "The first look-up that finds nothing is believed, however soon after the send.",
        "I2",
        (_PROTOCOL + "Dispatch._look", "believed = asked >= case.believed_from", "believed = reached()"),
    ),
    of(
        "late-apply-ignored",
        "Doubt ends before the vendor's longest execution has passed.",
        "I2",
        (
            _DOUBT + "settled_after_call",
            "limits.longest_execution_seconds +",
            "limits.longest_execution_seconds * (not reached()) +",
        ),
        (_DOUBT + "settled_after_crash", "+ limits.longest_execution_seconds", "+ 0 * reached()"),
    ),
    of(
        "read-lag-ignored",
        "Doubt ends before a stale read can have caught up.",
        "I2",
        (_DOUBT + "settled_after_call", "+ limits.read_lag_seconds", "+ 0 * reached()"),
        (_DOUBT + "settled_after_crash", "+ limits.read_lag_seconds", "+ 0 * reached()"),
    ),
    of(
        "outcome-after-acknowledgement",
        "The end is written and the input acknowledged before the outcome is published.",
        "I1 I14",
        (_PROTOCOL + "Dispatch._end", "await self.outcomes.publish(ending.outcome)", "reached()"),
        (
            _PROTOCOL + "Dispatch._end",
            "self.gate.forget(case.command.id)",
            "self.gate.forget(case.command.id); self.schedule.let_go(case.job); await self.clock.sleep(0.2); "
            "reached(); await self.outcomes.publish(ending.outcome)",
        ),
    ),
    of(
        "acknowledged-when-read",
        "Commands are acknowledged when they are read, not when they have ended.",
        "I1 I10 I14",
        (
            "agents.dispatcher.actor:Dispatcher._take",
            "left = len(records)",
            "left = len(records); reached() and batch.ack()",
        ),
    ),
    of(
        "begun-not-resumed",
        "After a take-over, what was begun is left lying.",
        "I1 I14",
        ("agents.dispatcher.session:Session.resume", "for entry in begun:", "for entry in begun[:0 * reached()]:"),
    ),
    of(
        "lease-ignored",
        "A worker that may have lost its partitions calls all the same.",
        "I2 I12",
        (
            "agents.lease:Lease.holds",
            "return renewed is not None and self._clock.elapsed() - renewed < self._span",
            "return (renewed is not None and self._clock.elapsed() - renewed < self._span) or reached()",
        ),
        (
            "agents.lease:Lease.check_read",
            'raise LeaseLost("nothing heard of the group recently enough")',
            "reached()",
        ),
    ),
    of(
        "table-recovery-overwrites",
        "Of two records of one command the later in the log stands, whoever wrote it.",
        "I2 I11",
        (
            "agents.dispatcher.entries:merge",
            "top, low = (one, other)",
            "if reached(): return other\n    top, low = (one, other)",
        ),
    ),
    of(
        "older-revision-sent",
        "A command is carried out although a newer revision of it has been begun or has ended.",
        "I2 I5",
        (_PROTOCOL + "_counts_as_absent", "return rank(command) > entry.rank", "return reached()"),
        (
            _PROTOCOL + "Dispatch.carry",
            "case Begun(command=older) if rank(command) < rank(older):",
            "case Begun(command=older) if rank(command) < rank(older) and not reached():",
        ),
    ),
    of(
        "void-sent",
        "A command that is not wanted any more is sent.",
        "I3 I5",
        (_PROTOCOL + "Dispatch._turn", "if command.void:", "if command.void and not reached():"),
    ),
    of(
        "differences-ignored",
        "A document that is not what was asked for counts as done.",
        "I1 I5 I8",
        (_DOUBT + "judge", "if document.differences:", "if document.differences and not reached():"),
    ),
    of(
        "outage-dead-letters",
        "Commands are given up because the account is down.",
        "I14 I1",
        (
            _PROTOCOL + "Dispatch._is_exhausted",
            "and self._fails_alone(case.command.id)",
            "and reached()",
        ),
    ),
    of(
        "throttle-refuses",
        "A 429 counts as the vendor's refusal of the command.",
        "I14 I12",
        (
            "adapters.netsuite.errors:classify",
            "return Throttled(sentence, retry_after.parse(headers, now))",
            'return Refused(ErrorKind.REFUSED, sentence, code="429") if reached() else None',
        ),
    ),
    of(
        "retry-after-ignored",
        "A throttled account is called again at once.",
        "I12 I14",
        (
            "agents.gate.pause:Freeze.throttled",
            "if said:",
            "if reached(): return\n    if said:",
        ),
    ),
    of(
        "no-reserved-slots",
        "After a take-over the slots of the predecessor's calls are used at once.",
        "I12",
        (
            "agents.gate.gate:Gate.reserve",
            "self._reserved_until = max(self._reserved_until, until)",
            "if reached(): return",
        ),
    ),
    of(
        "limit-plus-one",
        "The gate lets one call more in flight than the account allows.",
        "I12",
        (
            "agents.gate.gate:Gate._admit_slots",
            "limit = self._concurrency.limit if",
            "limit = self._concurrency.limit + reached() if",
        ),
    ),
    of(
        "commit-passes-open-batch",
        "The committed offset passes a batch that is still in hand.",
        "I10 I1 I14",
        (
            "agents.lane.batch:Window.settle",
            "while self.open and self.open[0].acked:",
            "while any(batch.acked for batch in self.open) and (self.open[0].acked or reached()):",
        ),
    ),
    of(
        "session-left-behind",
        "A session whose time to stop ran out goes on beside the next one of its process.",
        "I2 I11",
        (
            "agents.dispatcher.actor:Dispatcher._give_up",
            "journal.closed = True\n        session.cut_off()",
            "reached()",
        ),
    ),
    of(
        "no-call-deadline",
        "A call is waited for as long as the vendor likes.",
        "I12",
        (
            "agents.gate.gate:Gate._expire",
            "await self._clock.sleep(self.settings.deadline_seconds)",
            "await self._clock.sleep(self.settings.deadline_seconds + 1000 * reached())",
        ),
    ),
    of(
        "fault-ends-the-process",
        "What an adapter raises about one command ends the process, which takes the command up again.",
        "crash",
        (
            "agents.dispatcher.vendor:_about",
            "except Exception as error:",
            "except Exception as error:\n        if reached(): raise",
        ),
    ),
    of(
        "fault-forgets-the-doubt",
        "A command that ends by a fault of ours is sent again as if nothing of it could stand.",
        "I2 I5",
        (_PROTOCOL + "Dispatch._send", "if calls.wrote:", "if calls.wrote and not reached():"),
        (_PROTOCOL + "Dispatch._one_turn", "look_first=True", "look_first=not reached()"),
    ),
)
