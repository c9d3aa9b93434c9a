"""When Python may look for reference cycles: not in the middle of a decision."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles meanwhile, for work that is bounded and does not await.

    A turn's rows are some hundred thousand objects that die with it; walking through them again and again took a tenth
    to a fifth of its time (benchmarks.decider). Counting references frees them all the same.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
