"""The peak as a picture: throughput, backlog, and calls in flight against the limit, on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt

from adapters.demo.watch import Sample


def draw(path: Path, samples: Sequence[Sample], outage: tuple[float, float] | None, kills: Sequence[float]) -> None:
    """Write an SVG."""
    at = [sample.at for sample in samples]
    figure, (flow, backlog, gate) = plt.subplots(3, 1, sharex=True, figsize=(10, 7.5), constrained_layout=True)
    flow.plot(at, _rate(samples, "accepted"), label="webhooks taken", color="#1F4E9E")
    flow.plot(at, _rate(samples, "sequenced"), label="events sequenced (outcomes too)", color="#0B6B3A")
    flow.plot(at, _rate(samples, "documents"), label="documents made", color="#7A4B00")
    flow.set_ylabel("per second")
    backlog.plot(at, [sample.backlog for sample in samples], label="events not sequenced yet", color="#0B6B3A")
    backlog.plot(at, [sample.commands for sample in samples], label="commands not settled yet", color="#5B3A8C")
    backlog.set_ylabel("waiting")
    gate.step(at, [sample.in_flight for sample in samples], label="calls in flight", color="#1F4E9E", where="post")
    if samples:
        gate.axhline(samples[-1].limit, label="limit", color="#A8200D", linestyle="--")
    gate.set_ylabel("NetSuite calls")
    gate.set_xlabel("seconds since the start")
    for axes in (flow, backlog, gate):
        if outage is not None:
            axes.axvspan(*outage, color="#FDECE9", zorder=0, label="ERP away" if axes is gate else None)
        for number, kill in enumerate(kills):
            axes.axvline(kill, color="#4A5361", linestyle=":", label="kill -9" if axes is gate and not number else None)
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper right", fontsize=8, frameon=False)
    figure.suptitle("Peak: flow, backlog, and calls against the limit")
    figure.savefig(path, format="svg")
    plt.close(figure)


def _rate(samples: Sequence[Sample], name: str) -> list[float]:
    """Differences over about three seconds, so that batches do not look like spikes."""
    rates = []
    for number, sample in enumerate(samples):
        before = next((s for s in samples[max(0, number - 6) : number + 1]), sample)
        span = sample.at - before.at
        rates.append((getattr(sample, name) - getattr(before, name)) / span if span > 0 else 0.0)
    return rates
