"""Small decisions of running Kafka from its jars."""

from __future__ import annotations

from adapters.broker.kafka_jars import new_cluster_id


def test_a_cluster_id_never_looks_like_an_option() -> None:
    """An id that would begin with "-" is drawn again: Kafka's own tool would take it for an option."""
    draws = iter([b"\xf8" + bytes(15), b"\xfb" + bytes(15), b"\x01" + bytes(15)])
    assert new_cluster_id(lambda: next(draws)) == "AQAAAAAAAAAAAAAAAAAAAA"
