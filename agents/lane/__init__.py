"""The lane: Faust reads batches of one partition, and every offset it commits has been dealt with.

Stock Faust may commit past events that it never processed: when a worker with a table restarts, when a partition is
paused, when a body raises. The lane takes over reading, delivery and acknowledgement through Faust's own extension
points (transport, consumer, table manager, store) and leaves the rest as it is: actors are in `app.agents`, tables in
`app.tables`.

    lane = install(app, {"events.reveni": 2000})

    @app.agent(app.topic("events.reveni", value_type=bytes, value_serializer="raw"))
    async def sequencer(stream):
        async for batch in batches(stream):
            ...  # batch.tp, batch.records; the next turn of the loop acknowledges it
"""

from agents.lane.batch import Batch, Turn
from agents.lane.errors import LaneError, MixedTopics, RecordsDeleted, TurnRefused
from agents.lane.install import install
from agents.lane.lane import Lane
from agents.lane.stream import batches, stream_batches
from agents.records import Held, Record

__all__ = [
    "Batch",
    "Held",
    "Lane",
    "LaneError",
    "MixedTopics",
    "Record",
    "RecordsDeleted",
    "Turn",
    "TurnRefused",
    "batches",
    "install",
    "stream_batches",
]
