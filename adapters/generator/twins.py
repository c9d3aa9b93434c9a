"""R11: two returns of one order with equal lines and an equal amount: a second one, or the first asked for twice."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from adapters.generator.story import Story, Told, copied, rfc3339


def of(rng: Random, story: Story) -> Story:
    """Another return of equal lines and amount, told a little later."""
    twin = Story(story.order, f"{rng.getrandbits(128):032x}", story.plot, set(story.tags))
    later = timedelta(seconds=rng.randint(1, 1800))
    for told in story.told:
        at, data = told.at + later, {**copied(told.data), "return_id": twin.return_id}
        if told.source == "reveni":
            data["updated_at"] = rfc3339(at)
            for refund in data["refunds"]:
                refund["refund_id"] += "-twin"
        else:
            data["inspection_id"] += "-twin"
        twin.told.append(Told(told.source, told.version, at, data))
    return twin
