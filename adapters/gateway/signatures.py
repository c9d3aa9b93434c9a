"""Whether a webhook comes from who it says: HMAC-SHA256 over the raw body, in constant time.

Reveni's signature is not public: the default (hex over the body) is this project's own. Everything a sender could do
otherwise is a setting, so that intake depends on no one scheme.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["hex", "base64"]

_DIGEST_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_MAX_CANDIDATES = 8  # a sender in rotation signs with two keys; more is a flood


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """How one sender signs.

    `timestamped`: the header reads `t=<unix seconds>,v1=<signature>[,v1=...]` and what is signed is `<t>.<body>`.
    `prefix`: text such as `sha256=` that may stand before a signature.
    """

    header: str
    encoding: Encoding = "hex"
    prefix: str = ""
    timestamped: bool = False
    tolerance_seconds: int = 300


def verify(
    scheme: SignatureScheme, secrets: Sequence[bytes], presented: Sequence[str], body: bytes, now: float
) -> bool:
    """Whether the header's values sign the body with one of the secrets; `now` is Unix time in seconds.

    Exactly one header value is taken; with none, or two, or no secret, nothing is ever signed.
    """
    secrets = [secret for secret in secrets if secret]
    if len(presented) != 1 or not secrets:
        return False
    signed, candidates = body, [presented[0]]
    if scheme.timestamped:
        timestamp, candidates = _timestamped(presented[0])
        if timestamp is None or abs(now - int(timestamp)) > scheme.tolerance_seconds:
            return False
        signed = timestamp.encode() + b"." + body
    digests = [_decode(scheme, candidate) for candidate in candidates]
    matches = False
    # Every secret is tried against every candidate: how long it takes says nothing about which one fits.
    for secret in secrets:
        expected = hmac.digest(secret, signed, hashlib.sha256)
        for digest in digests:
            matches |= hmac.compare_digest(expected, digest)
    return matches


def sign(scheme: SignatureScheme, secret: bytes, body: bytes, now: float) -> str:
    """The header value a sender would send; used by whoever plays the sender."""
    timestamp = str(int(now))
    signed = timestamp.encode() + b"." + body if scheme.timestamped else body
    digest = hmac.digest(secret, signed, hashlib.sha256)
    text = digest.hex() if scheme.encoding == "hex" else base64.b64encode(digest).decode()
    text = scheme.prefix + text
    return f"t={timestamp},v1={text}" if scheme.timestamped else text


def _timestamped(value: str) -> tuple[str | None, list[str]]:
    timestamps: list[str] = []
    candidates: list[str] = []
    for item in value.split(",", _MAX_CANDIDATES + 1):
        name, _, content = item.strip().partition("=")
        if name == "t":
            timestamps.append(content)
        elif name == "v1":
            candidates.append(content)
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]) or not 0 < len(candidates) <= _MAX_CANDIDATES:
        return None, []
    return timestamps[0], candidates


def _decode(scheme: SignatureScheme, text: str) -> bytes:
    """The digest a header carries; empty, which equals no digest, if it carries none."""
    text = text.removeprefix(scheme.prefix)
    if scheme.encoding == "hex":
        return bytes.fromhex(text) if _HEX.fullmatch(text) else b""
    try:
        digest = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        return b""
    return digest if len(digest) == _DIGEST_BYTES else b""
