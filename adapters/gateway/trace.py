"""The W3C trace context that travels with an event."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

# https://www.w3.org/TR/trace-context/#traceparent-header: version ff and all-zero ids are invalid.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


def traceparent(presented: Sequence[str]) -> str:
    """The sender's traceparent if it sent exactly one valid one, else the start of a new trace."""
    if len(presented) == 1 and _TRACEPARENT.fullmatch(presented[0]):
        return presented[0]
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
