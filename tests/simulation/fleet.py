"""The worker processes of a run: started, stopped, killed, and started again by whoever looks after them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from random import Random

from aiokafka.errors import KafkaError

from agents.rows import StaleRows
from agents.sequencer.actor import DeployStopped
from streams.profile import Profile
from streams.topics import Topology
from tests.simulation.builds import BAD, BUILDS, MISREADS, OLDER, FaultyAdapter
from tests.simulation.groups import Group
from tests.simulation.kafka import Broker
from tests.simulation.loop import PROCESS, Process, VirtualLoop
from tests.simulation.ports import SimClock
from tests.simulation.result import Violation
from tests.simulation.vendor import VendorWorld
from tests.simulation.witness import Witness
from tests.simulation.workers import SEQUENCER, DispatcherWorker, SequencerWorker, Worker

RESTART_SECONDS = 1.0
_MOST_TO_THE_VENDOR = 0.3  # seconds until the vendor hears that a process has gone
_CALLBACKS = 40  # a process that is to be stopped is stopped between two of its next so many callbacks


class Fleet:
    """All workers that ever ran."""

    def __init__(
        self,
        loop: VirtualLoop,
        broker: Broker,
        groups: dict[str, Group],
        vendor: VendorWorld,
        topology: Topology,
        profile: Profile,
        account: str,
        witness: Witness,
        dice: Callable[[str], Random],
        look_seconds: float,
    ) -> None:
        self._loop, self._broker, self._groups, self._vendor = loop, broker, groups, vendor
        self._topology, self._profile, self._account = topology, profile, account
        self._witness, self._dice = witness, dice
        self._look_seconds = look_seconds
        self._read_profile = lru_cache(maxsize=16)(Profile.from_record)
        self.workers: list[Worker] = []
        self._by_process: dict[str, Worker] = {}
        self.build = ""  # what sequencers run that are started from now on, and dispatchers at once
        self._woke: dict[str, float] = {}  # when a worker that had been stopped went on; never: it has not yet

    def start(self, role: str) -> None:
        process = Process(self._loop, f"{role}-{len(self.workers) + 1}")
        clock = SimClock(self._loop)
        dice = self._dice(process.name)
        base = (process, clock, self._broker, self._groups[role], dice, self._witness.recovered)
        worker: Worker
        if role == SEQUENCER:
            worker = SequencerWorker(self._topology, BUILDS[self.build], self._read_profile, *base)
        else:
            table = self._profile.document["accounts"][self._account]
            adapter = self._vendor.adapter(process.name, table, clock.now, self._profile.merchant.time_zone)
            head_room = self._profile.account(self._account).head_room
            misread = partial(self._witness.struck, "answer misread")
            faulty = FaultyAdapter(adapter, lambda: self.build == MISREADS, misread)
            worker = DispatcherWorker(self._topology, self._account, faulty, head_room, self._look_seconds, *base)
        self.workers.append(worker)
        self._by_process[process.name] = worker
        self._witness.tell(process.name, "starts")
        process.spawn(worker.main(self._ended), process.name)

    def running(self, role: str) -> list[Worker]:
        return [one for one in self.workers if one.role == role and not one.process.dead and not one.stopped]

    def one(self, role: str, number: int) -> list[Worker]:
        """The one that `number` means; empty when none of the role runs."""
        running = self.running(role)
        return [running[number % len(running)]] if running else []

    def stood_still(self, name: str, since: float) -> bool:
        """Whether a worker was stopped at some time from then on."""
        return self._woke.get(name, -1.0) >= since

    # -- what befalls them

    def kill(self, role: str, number: int, point: str, back_after: float) -> None:
        """kill -9, at a fault point or between any two awaits; another is started `back_after` seconds later."""
        self._strike(role, number, point, lambda worker: self._kill(worker, back_after))

    def pause(self, role: str, number: int, point: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later."""
        self._strike(role, number, point, lambda worker: self._pause(worker, seconds))

    def leave(self, role: str, number: int) -> None:
        """SIGTERM, but never of the last."""
        running = self.running(role)
        worker = running[number % len(running)] if running else None
        if worker is not None and any(other is not worker for other in self._staying(role)):
            self._witness.struck("leave")
            self._stop(worker)

    def _staying(self, role: str) -> list[Worker]:
        """Those that nobody asked to leave: one that was stopped meanwhile takes its time over that (seed 4779)."""
        return [worker for worker in self.running(role) if not worker.leaving]

    @staticmethod
    def _stop(worker: Worker) -> None:
        worker.leaving = True
        worker.process.spawn(worker.consumer.stop())

    def jump(self, role: str, number: int, seconds: float) -> None:
        """The time of day of one machine jumps."""
        for worker in self.one(role, number):
            self._witness.struck("jump")
            worker.clock.skew += seconds

    def deploy(self, build: str, apart: float = 0.0, down: float = 0.0) -> None:
        """Replace every sequencer by one of another build, one after the other, each `down` seconds after its end."""
        if build == self.build:
            return
        if build or self.build == OLDER:  # a bad one taken back is no fault
            self._witness.struck(f"deploy {build}" if build else "upgrade")
        self.build = build
        for place, worker in enumerate(self.running(SEQUENCER)):
            self._loop.world.call_later(place * apart, self._replace, worker, down)

    def _replace(self, worker: Worker, down: float) -> None:
        if not worker.process.dead and not worker.stopped:  # else it has been replaced by now
            self._stop(worker)
            self._loop.world.call_later(down, self.start, worker.role)

    @property
    def had_a_bad_build(self) -> bool:
        return any(isinstance(one, SequencerWorker) and one.build.fails for one in self.workers)

    def look_at_stops(self) -> None:
        """E09: a build that fails on everything stops, instead of dead-lettering what it reads."""
        for worker in self.workers:
            if isinstance(worker, SequencerWorker) and worker.build is BUILDS[BAD]:
                self._witness.checked("E09")
                if worker.log.bugs > worker.build.most_bugs:
                    what = f"{worker.name} fails on every order, and dead-lettered {worker.log.bugs} records"
                    self._witness.found("E09", "topic-dead-lettered", what)

    def heal(self) -> None:
        """Nothing is to happen to them any more; those that stand still go on, and of each role one runs."""
        self.deploy("")
        for worker in self.workers:
            worker.armed.clear()
            self._wake(worker)
        for role in self._groups:
            if not self._staying(role):
                self.start(role)

    def reached(self, point: str) -> None:
        """A process passes a fault point."""
        worker = self._by_process.get(PROCESS.get().name)
        armed = worker.armed.pop(point, None) if worker is not None else None
        if armed is not None:
            self._witness.counted(f"at {point}")
            armed()

    # -- inside

    def _strike(self, role: str, number: int, point: str, what: Callable[[Worker], None]) -> None:
        for worker in self.one(role, number):
            then = partial(what, worker)
            if point:
                worker.armed[point] = then
            else:
                worker.process.light(int(self._loop.now * 1000) % _CALLBACKS, then)

    def _kill(self, worker: Worker, back_after: float) -> None:
        self._witness.struck("kill")
        self._witness.tell(worker.name, "killed")
        worker.process.kill()
        # Its sockets are closed by the machine; the way to the vendor is not the brokers', however slow those are.
        told = min(self._broker.network.latency(), _MOST_TO_THE_VENDOR)
        self._loop.world.call_later(told, self._vendor.closed, worker.name)
        self._loop.world.call_later(back_after, self.start, worker.role)

    def _pause(self, worker: Worker, seconds: float) -> None:
        self._witness.struck("pause")
        self._witness.tell(worker.name, f"paused for {seconds:.1f} s")
        worker.process.pause()
        self._woke[worker.name] = float("inf")
        self._loop.world.call_later(seconds, self._wake, worker)

    def _wake(self, worker: Worker) -> None:
        if worker.process.paused:
            self._woke[worker.name] = self._loop.now
            worker.process.wake()

    def _ended(self, worker: Worker) -> None:
        """A process ended by itself: after SIGTERM, or by what one of its tasks raised; then it is started again."""
        self._witness.tell(worker.name, f"ends: {worker.failure!r}" if worker.failure else "has left")
        worker.process.kill()
        self._vendor.closed(worker.name)
        if worker.failure is None:
            return
        self._witness.counted(f"ended by {type(worker.failure).__name__}")
        if not (may_end(worker.failure) or self._is_stop(worker)):
            what = f"{worker.name} ended by {worker.failure!r}"
            found = Violation("crash", type(worker.failure).__name__, "", what, self._loop.now)
            self._witness.result.violations.append(found)
            self._witness.teller.trace(worker.failure)
        self._loop.world.call_later(RESTART_SECONDS, self.start, worker.role)

    @staticmethod
    def _is_stop(worker: Worker) -> bool:
        """Whether a build that fails stopped by its own judgement (E09); no other may."""
        fails = isinstance(worker, SequencerWorker) and worker.build.fails
        return fails and isinstance(worker.failure, DeployStopped)


def may_end(error: BaseException) -> bool:
    """Whether a process is right to end by this: the broker failed it, or the lane says that it must."""
    return isinstance(error, KafkaError | StaleRows | ConnectionError)
