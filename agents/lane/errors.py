"""What the lane refuses to do; each of these ends the process."""

from __future__ import annotations


class LaneError(Exception):
    """The lane cannot go on without risking a record."""


class TurnRefused(LaneError):
    """The partition is not ours, or about to go to another."""


class MixedTopics(LaneError):
    """An app with a lane reads lane topics only, each through exactly one stream."""


class RecordsDeleted(LaneError):
    """Records were deleted from a source topic before this group had read them."""
