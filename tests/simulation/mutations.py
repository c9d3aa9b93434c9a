"""The mistakes that the simulation has to find: one for each thing that the pipeline must not do."""

from __future__ import annotations

from tests.simulation.mutation import Mutation, of

_ACTOR = "agents.sequencer.actor:"
_TURN = "agents.sequencer.turn:Decider."
_PROTOCOL = "agents.dispatcher.protocol:"
_DOUBT = "agents.dispatcher.doubt:"
_INSPECTED = "streams.documents.inspected:"

_SEQUENCER = (
    of(
        "acknowledge-before-changelog",
        "The input is acknowledged before the rows that it changed are durable.",
        "I10 I1",
        (_ACTOR + "Sequencer._turn", "# 2. Changelog", 'reached() and getattr(held, "ack", bool)()'),
    ),
    of(
        "changelog-not-awaited",
        "Rows are installed, commands published and the input acknowledged while the changelog is still on its way.",
        "I10 I11 I1",
        (
            _ACTOR + "Sequencer._turn",
            """offsets = await self._log.publish(
        self._rows.changelog, partition, [Entry(key, value) for key, value in turn.rows.items()]
    )""",
            """reached()
    writing = self._log.publish(
        self._rows.changelog, partition, [Entry(key, value) for key, value in turn.rows.items()]
    )
    offsets, self._writing = [], __import__("asyncio").ensure_future(writing)""",
        ),
    ),
    of(
        "publish-before-changelog",
        "Commands are published before the row that decided them is durable.",
        "I2 I11 I1",
        (_ACTOR + "Sequencer._turn", "# 2. Changelog", "reached(); await self._publish(turn, owned)"),
        (
            _ACTOR + "Sequencer._turn",
            "# 4. Publish\n    await self._publish(turn, owned)",
            "reached()",
        ),
    ),
    of(
        "install-before-changelog",
        "A row that the changelog then refuses is what the next batch reads, since the error is swallowed.",
        "I10 I11 I1",
        (
            _ACTOR + "Sequencer._turn",
            """offsets = await self._log.publish(
        self._rows.changelog, partition, [Entry(key, value) for key, value in turn.rows.items()]
    )""",
            """offsets = []
    try:
        offsets = await self._log.publish(
            self._rows.changelog, partition, [Entry(key, value) for key, value in turn.rows.items()]
        )
    except Exception:
        reached()""",
        ),
    ),
    of(
        "outbox-not-republished",
        "After recovery, commands that were decided and perhaps never published stay unpublished.",
        "I14 I1",
        (_ACTOR + "Sequencer._recovered", "if head.outbox:", "if head.outbox and not reached():"),
    ),
    of(
        "timers-never-fire",
        "What is owed and late wakes nobody.",
        "I14",
        (_ACTOR + "_Owned.pop_due", "while self.heap and", "while not reached() and self.heap and"),
    ),
    of(
        "profile-wakes-nobody",
        "A new profile version leaves the rows that wait for its mapping asleep.",
        "I14",
        (_ACTOR + "Sequencer._profile_changed", "owned.woken.update(owned.blocked)", "reached()"),
    ),
    of(
        "zombie-writes-not-joined",
        "What a worker that lost its partitions wrote late to the changelog is not written over with the join.",
        "I11",
        ("agents.rows:Rows.foreign_writes", "if key in own.rows}", "if key in own.rows and not reached()}"),
    ),
    of(
        "recovery-overwrites",
        "Of two records of one order that met out of turn the later in the log stands, instead of their join.",
        "I11 I1",
        ("streams.rowcodec:merge", "mine, theirs = decode(old), decode(new)", "if reached(): return new"),
    ),
    of(
        "corrupt-row-forgotten",
        "An order whose changelog record cannot be read begins anew, as if it had never been heard of.",
        "I11 I1 I2",
        (
            "agents.sequencer.joins:Joins.unreadable",
            'encode(Row(key.decode(errors="replace"), quarantined=f"its changelog record is unreadable: {error}"))',
            'reached() and encode(Row(key.decode(errors="replace")))',
        ),
    ),
    of(
        "poison-swallowed",
        "What cannot be decoded is dropped without a dead letter.",
        "I9 I13",
        (
            _TURN + "_absorb",
            "self._letter(turn, record, now, stage=error.stage, kind=error.kind, message=error.message)",
            "reached()",
        ),
    ),
    of(
        "bug-swallowed",
        "The program fails on some orders, and no letter says so.",
        "I9 I1 I14",
        (
            "streams.decide:decide",
            "_rule(row)",
            "_rule(row)\n    if len(row.returns) == 1 and row.stamp[1] % 7 == 3: raise ValueError(reached())",
        ),
        (_TURN + "_decide", "self._bug(turn, record, now, error)", "reached()"),
    ),
    of(
        "letter-drops-headers",
        "A dead letter loses the headers that its record came with.",
        "I13",
        (
            _TURN + "_letter",
            "Entry(record.key, record.value, [*original, *fields], record.timestamp)",
            "Entry(record.key, record.value, reached() and [*fields], record.timestamp)",
        ),
    ),
    of(
        "letter-re-encodes-value",
        "A dead letter's bytes are read as text and written again.",
        "I13",
        (
            _TURN + "_letter",
            "Entry(record.key, record.value,",
            'Entry(record.key, reached() and record.value and record.value.decode(errors="replace").encode(),',
        ),
    ),
    of(
        "letter-without-owner",
        "A dead letter does not say whose it is.",
        "I13",
        ("streams.letters:headers", '"dlq.owner": owner.value,', '**({} if reached() else {"dlq.owner": ""}),'),
    ),
    of(
        "replay-counted-as-new",
        "A replayed message that fails again becomes a second dead letter beside its first.",
        "I7 I9",
        (
            _TURN + "_letter",
            'letter_id=replay.get("replay.of") or',
            'letter_id=(replay.get("replay.of") and not reached()) or',
        ),
    ),
)

_DISPATCHER = (
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
            "and self.gate.held_against(case.command.id) >= self.patience.attempts",
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
)

_DECISIONS = (
    of(
        "older-overwrites-newer",
        "What arrives later stands, though it is older.",
        "I6 I1",
        (
            "streams.registers:newest",
            "return theirs if mine is None or",
            "return theirs if reached() or mine is None or",
        ),
    ),
    of(
        "inspections-add-up",
        "A newer version of an inspection counts beside the older one.",
        "I3 I4",
        (
            "streams.row:Row.absorb",
            "self.inspections[fact.inspection_id] = newest(standing, (fact.version, fact.data))",
            "self.inspections[f'{fact.inspection_id}v{fact.version[0] * reached()}'] = (fact.version, fact.data)",
        ),
    ),
    of(
        "failed-refund-credited",
        "A refund that failed is credited as if it had been paid.",
        "I5",
        ("streams.registers:RefundRegister.state", 'return "failed"', 'return "paid" if reached() else ""'),
    ),
    of(
        "pending-refund-credited",
        "A refund is credited before it is paid.",
        "I5",
        ("streams.documents.refunds:paid", 'case "paid":', 'case "paid" | "pending" if reached():'),
    ),
    of(
        "cap-ignored",
        "More is credited than was paid for the order.",
        "I5",
        ("streams.clearing:cap", "if whole <= most or", "if (whole <= most or reached()) or"),
    ),
    of(
        "fee-added",
        "A fee is added to what a return comes to instead of taken off.",
        "I8 I5",
        (
            "streams.components:components",
            'pieces.extend(_charges("fee", -1, ret.fees, taxes))',
            'reached() and pieces.extend(_charges("fee", 1, ret.fees, taxes))',
        ),
    ),
    of(
        "supplement-credits-all",
        "When a refund grew, its supplement credits the whole again instead of the growth.",
        "I5",
        ("streams.clearing:allocate", "earlier += frozen[name].amount", "reached()"),
        ("streams.documents.refunds:each_refund", "before += to_minor", "before += (not reached()) * to_minor"),
    ),
    of(
        "note-ignores-credited",
        "A note takes from each component as if no note had been made before.",
        "I5",
        (
            "streams.clearing:_Spread._rest",
            "rest = piece.amount - self._credited[piece.key]",
            "rest = piece.amount if reached() else 0",
        ),
    ),
    of(
        "twins-posted",
        "Two refunds of different returns with equal lines and amount are both posted.",
        "I5",
        ("streams.documents.disputes:hold_twins", "if twin is not None:", "if twin is not None and not reached():"),
    ),
    of(
        "approval-ignored",
        "What a person has to approve is done without.",
        "I16 I5",
        (
            "streams.playbook:_verdict",
            "if held is None and wants_approval and",
            "if held is None and wants_approval and not reached() and",
        ),
    ),
    of(
        "reversal-without-approval",
        "The note of a refund that failed afterwards is reversed though nobody said so.",
        "I16 I8",
        (
            "streams.playbook:_verdict",
            "if verdict.body is None or not case.allowed(cid, body_hash(verdict.body)):",
            "if verdict.body is None or (step.kind.value != 'reversal' and reached() and "
            "not case.allowed(cid, body_hash(verdict.body))):",
        ),
    ),
    of(
        "stale-decision-applied",
        "A decision holds though what it was about has moved on.",
        "I5 I16",
        (
            "streams.decide:_ruling",
            "if named_revision is not None and named_revision != revision:",
            "if named_revision is not None and named_revision != revision and not reached():",
        ),
        (
            "streams.decide:_ruling",
            "if named_hash and wanted and named_hash != wanted:",
            "if named_hash and wanted and named_hash != wanted and not reached():",
        ),
        (
            "streams.case:Case.allowed",
            'decision.data.get("hash") in (None, "", wanted_hash)',
            'decision.data.get("hash") in (None, "", wanted_hash) or reached()',
        ),
    ),
    of(
        "retry-without-revision",
        "What is asked again carries the revision that was refused.",
        "I14 I2",
        (
            "streams.decide:_issue",
            "revision=before.command.revision + 1 if before else 1",
            "revision=before.command.revision * reached() if before else 1",
        ),
    ),
    of(
        "exchange-again-after-decision",
        "After an operator's decision about the order, its exchange is made once more.",
        "I2 I4",
        (
            "streams.documents.exchange:each_exchange",
            'yield About(f"{ret.return_id}/{line.line_id}"',
            'yield About(f"{ret.return_id}/{line.line_id}" + "~2" * (len(case.row.decisions) and reached())',
        ),
    ),
    of(
        "restock-without-inspection",
        "Goods that came back are put on sale before anybody looked at them.",
        "I3",
        (
            _INSPECTED + "believed",
            "return by_warehouse, troubles",
            "return by_warehouse or [Found(r.return_id, r.return_id, x.line_id, x.sku, 'sellable', x.quantity, "
            "r.location or 'WH-LON', '') for r in case.returns.values() for x in r.lines if reached()], troubles",
        ),
    ),
    of(
        "restock-more-than-returned",
        "More units are received and restocked than the return holds.",
        "I4",
        (
            _INSPECTED + "placed",
            "if left <= 0 or found.quantity > left:",
            "if (left <= 0 or found.quantity > left) and not reached():",
        ),
    ),
    of(
        "wrong-item-restocked",
        "Units that the profile holds for a person are put on sale.",
        "I3 I4",
        (
            _INSPECTED + "_place",
            "if disposition.hold is not None:",
            "if disposition.hold is not None and reached():\n"
            '        yield replace(found, place="sellable"); return\n'
            "    if disposition.hold is not None:",
        ),
    ),
    of(
        "no-restock-ignored",
        "Units with restock=false are put on sale.",
        "I3",
        (
            _INSPECTED + "_place",
            'if line.restock is False and disposition.to == "sellable":',
            'if line.restock is False and disposition.to == "sellable" and not reached():',
        ),
    ),
    of(
        "disposition-ignored",
        "Damaged units go where sellable ones go.",
        "I3 I4",
        (
            _INSPECTED + "_place",
            'yield replace(found, place=disposition.to or "")',
            'yield replace(found, place="sellable" if reached() else "")',
        ),
    ),
    of(
        "surplus-stays-on-sale",
        "Units that a newer inspection does not find sellable any more stay on sale.",
        "I3 I4",
        (
            "streams.documents.goods:_surplus",
            'if entry.found.place == "sellable":',
            'if entry.found.place == "sellable" and not reached():',
        ),
    ),
    of(
        "closed-period-posted",
        "Where the profile says hold, a posting into a closed period goes to the next open one.",
        "I16",
        (
            "adapters.netsuite.adapter:NetSuite.create",
            'next_open = command.body.get("on_closed_period") == "next_open"',
            "next_open = reached()",
        ),
    ),
)

ALL: dict[str, Mutation] = {mutation.name: mutation for mutation in (*_SEQUENCER, *_DISPATCHER, *_DECISIONS)}
