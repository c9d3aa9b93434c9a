"""Mistakes of whoever owns the orders: the five steps, recovery, dead letters."""

from __future__ import annotations

from tests.simulation.mutation import of

_ACTOR = "agents.sequencer.actor:"
_TURN = "agents.sequencer.turn:Decider."
_OUTBOX = "agents.sequencer.outbox:Outbox."

MUTATIONS = (
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
            "self._outbox.about(turn, record, Fault(error.stage, error.kind, error.message), now)",
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
        (_TURN + "_decide", "self._outbox.about(turn, record, fault_of_ours(error), now)", "reached()"),
    ),
    of(
        "bug-buries-changes-only",
        "Of a batch that an order could not be decided with, what repeats the rest of it has no letter.",
        "I10",
        (_TURN + "_decide", "for record in causes.all:", "for record, _ in causes.changes if reached() else ():"),
    ),
    of(
        "bad-deploy-goes-on",
        "A build that fails on every order dead-letters all that it reads.",
        "E09",
        (
            "agents.gate.dead_ratio:DeadRatio.note",
            "if dead < self.least_dead or",
            "if dead >= self.least_dead and reached() or dead < self.least_dead or",
        ),
    ),
    of(
        "letter-drops-headers",
        "A dead letter loses the headers that its record came with.",
        "I13",
        (
            _OUTBOX + "about",
            "contents(record.key, record.value, original, fields)",
            "contents(record.key, record.value, [] if reached() else original, fields)",
        ),
    ),
    of(
        "letter-re-encodes-value",
        "A dead letter's bytes are read as text and written again.",
        "I13",
        (
            _OUTBOX + "about",
            "contents(record.key, record.value,",
            'contents(record.key, reached() and record.value and record.value.decode(errors="replace").encode(),',
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
            _OUTBOX + "about",
            'letter_id = names.get("replay.of") or',
            'letter_id = (names.get("replay.of") and not reached()) or',
        ),
    ),
    of(
        "joined-row-displaced",
        "A record that follows what stands takes its place, though it lacks what was joined in from another writer.",
        "I11",
        (
            "streams.rowcodec:merge",
            "if after.previous == before.stamp and all(",
            "if after.previous == before.stamp and (reached() or True) or all(",
        ),
    ),
    of(
        "late-write-displaces",
        "A write that was on its way while another's record was read replaces it in the rows.",
        "I11",
        ("agents.rows:Rows.install", "elif key in own.met:", "elif key in own.behind or not reached():"),
    ),
)
