"""Who may run: one order's commands one after the other, orders side by side, and a bounded number of all (pure)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agents.dispatcher.entries import rank
from streams.commands import Command
from streams.vocabulary import CLASS_WEIGHTS, CommandClass


def _nothing() -> None:
    """A job resumed from the table has no input record to acknowledge."""


@dataclass(eq=False, slots=True)
class Job:
    """One command in hand: read from a topic, or resumed from the table."""

    command: Command
    klass: CommandClass
    finished: Callable[[], None] = field(default=_nothing)  # its input record may be acknowledged
    counted: bool = True  # takes a place in the window
    sending: bool = False  # something is being written here or at the vendor: not to be cut off at a rebalance

    @property
    def lane(self) -> str:
        """The order's; a question has no effect, so it neither waits for the order's commands nor holds them up."""
        command = self.command
        return f"?{command.id}" if command.kind.is_question else f"={command.order_key}"


class Schedule:
    """Lanes by order, and a window by class.

    The window is divided between the classes by their weights, so that a flood of one (a night's stock sync) cannot
    keep the other topics from being read; the gate divides the calls themselves, and gives idle shares away.
    """

    def __init__(self, window: int = 1_000, weights: Mapping[CommandClass, int] = CLASS_WEIGHTS) -> None:
        whole = sum(weights.values())
        self._places = {klass: max(1, window * weight // whole) for klass, weight in weights.items()}
        self._taken: dict[CommandClass, int] = dict.fromkeys(weights, 0)
        self._lanes: defaultdict[str, deque[Job]] = defaultdict(deque)

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def has_room(self, klass: CommandClass) -> bool:
        """Whether another batch of this class may be read; a batch read while there is room is taken whole."""
        return self._taken[klass] < self._places[klass]

    def taken(self) -> dict[CommandClass, int]:
        """Places in use, by class."""
        return dict(self._taken)

    def offer(self, job: Job) -> bool:
        """Stand at the end of the order's lane; True when the lane was idle and must be started."""
        lane = self._lanes[job.lane]
        lane.append(job)
        self._taken[job.klass] += job.counted
        return len(lane) == 1

    def head(self, lane: str) -> Job | None:
        """Whose turn it is in a lane."""
        jobs = self._lanes.get(lane)
        return jobs[0] if jobs else None

    def behind(self, job: Job) -> list[Job]:
        """Who waits behind the head of a lane."""
        return list(self._lanes.get(job.lane, ()))[1:]

    def let_go(self, job: Job) -> None:
        """Not over, but the table has its body: its record may be acknowledged and its place given away."""
        if job.counted:
            job.counted = False
            self._taken[job.klass] -= 1
        finished, job.finished = job.finished, _nothing
        finished()

    def end(self, job: Job) -> None:
        """The head of a lane is over."""
        lane = self._lanes[job.lane]
        if lane.popleft() is not job:
            raise RuntimeError("only the head of a lane can end")
        if not lane:
            del self._lanes[job.lane]
        self.let_go(job)

    def superseded(self, job: Job) -> bool:
        """Whether a later command with the same id waits behind this one."""
        waiting = self._lanes.get(job.lane, ())
        return any(
            other.command.id == job.command.id and rank(other.command) > rank(job.command)
            for other in waiting
            if other is not job
        )
