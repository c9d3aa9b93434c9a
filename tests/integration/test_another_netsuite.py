"""A NetSuite that nobody here simulated, without any custom field of ours: generated orders go through it end to end.

The account's own ledger is judged by statements of its own (`tests.doubles.bare.judge`, `reasons`) and by the outside
check of the demo. No process is killed here; foreign answers are the only harm.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.broker.embedded import EmbeddedBroker
from tests.brokers import RealKafka
from tests.doubles.bare.history import SHAPES
from tests.doubles.bare.peak import Played, play
from tests.doubles.bare.weather import ANSWERS, Weather

POISON = {"decode", "validate", "sequence"}
"""Where a message that nobody can read is put aside: the generator sends some."""


def all_is_well(played: Played) -> None:
    """What has to hold of every run."""
    assert played.complaints == []
    assert played.verdict.violations == []
    assert [dict(entry) for entry in played.unexplained] == []
    assert [letter for letter in played.letters if letter.get("kind") == "bug"] == []
    assert played.rested, played.waiting
    assert played.double.breaches == 0


@pytest.mark.slow
def test_two_hundred_orders_agree_with_an_account_that_has_no_field_of_ours(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """Refunds paid are notes to the penny or exceptions the story calls for; nothing twice, nothing restocked early.

    Orders come with discounts on the header and in rows, handling, services, texts, subtotals and two invoices; numbers
    come as text and with long fractions, lists in pages of five and in any order.
    """
    played = play(tmp_path, embedded_broker.address, embedded=True, seed=14, orders=200, prefix=prefix)
    all_is_well(played)
    counts = played.verdict.counts
    assert counts["credit_notes"] > 100 and counts["restocks"] > 100 and counts["exchange_orders"] > 20
    told = {
        played.shapes[entry["order_id"]] for entry in played.double.journal.entries if entry["kind"] == "credit_note"
    }
    assert told == set(SHAPES)
    assert played.double.refusals == []


@pytest.mark.slow
def test_answers_of_somebody_else_double_nothing_and_are_believed_by_nobody(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """One call in twenty is answered by a proxy, a maintenance page or with half a body, before or after the work."""
    weather = Weather(13, 0.05, until=1200)
    played = play(tmp_path, kafka.address, embedded=False, seed=13, orders=60, prefix=prefix, weather=weather)
    all_is_well(played)
    assert len({name for name, _, _ in weather.met}) > len(ANSWERS) // 2
    assert {when for _, _, when in weather.met} == {"before", "after"}
