"""Who may send webhooks: one entry per source is all that a new one needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.gateway.signatures import SignatureScheme
from streams.order_key import Envelope, read_envelope


@dataclass(frozen=True, slots=True)
class Source:
    """A sender: its route, its topic (before the prefix), its usual signature, and how its order key is read."""

    name: str
    path: str
    topic: str
    scheme: SignatureScheme
    read_envelope: Callable[[bytes], Envelope]


SOURCES: tuple[Source, ...] = (
    # Invented: Reveni's own header and scheme are not public (CONTRACTS section 1).
    Source("reveni", "/webhooks/reveni", "events.reveni", SignatureScheme("X-Reveni-Signature"), read_envelope),
    Source("warehouse", "/webhooks/warehouse", "events.warehouse", SignatureScheme("X-Signature"), read_envelope),
)

TIMESTAMPED = SignatureScheme("X-Reveni-Signature", timestamped=True)
"""The alternate that is shipped beside the default: `t=..,v1=..` over `<t>.<body>`."""
