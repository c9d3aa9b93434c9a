"""The shape of the day: a ramp, a plateau with bursts, and a tail."""

from __future__ import annotations

import bisect
import itertools
import math

_STEPS = 2000
_BURSTS = ((0.33, 2.0), (0.52, 1.4), (0.64, 2.4))  # where, and how many times the plateau on top of it
_BURST_WIDTH = 0.008


def rate(moment: float) -> float:
    """How busy it is at a moment between 0 and 1, where the plateau is 1."""
    if moment < 0.2:
        base = 0.1 + 0.9 * moment / 0.2
    elif moment < 0.7:
        base = 1.0
    else:
        base = 1.0 - 0.9 * (moment - 0.7) / 0.3
    bursts = (height * math.exp(-(((moment - at) / _BURST_WIDTH) ** 2)) for at, height in _BURSTS)
    return base + sum(bursts)


def offsets(count: int, duration: float) -> list[float]:
    """Seconds from the start for so many deliveries, rising, whole milliseconds."""
    heights = [rate((step + 0.5) / _STEPS) for step in range(_STEPS)]
    total = list(itertools.accumulate(heights))
    result = []
    for number in range(count):
        target = (number + 0.5) / count * total[-1]
        step = bisect.bisect_left(total, target)
        before = total[step - 1] if step else 0.0
        moment = (step + (target - before) / heights[step]) / _STEPS
        result.append(round(moment * duration, 3))
    return result
