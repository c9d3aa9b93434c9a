"""What stands between the account and its callers answers instead: proxies, maintenance pages, half an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

from tests.doubles.bare.front import Foreign

_PAGE = b"<!DOCTYPE html><html><head><title>Scheduled maintenance</title></head><body>Back soon.</body></html>"
_EMPTY = json.dumps({"items": [], "hasMore": False}).encode()
JSON = "application/json"

ANSWERS = {
    "page-200": Foreign(200, _PAGE),
    "page-302": Foreign(302, b"", headers={"Location": "https://system.netsuite.example/pages/login.jsp"}),
    "page-400": Foreign(400, _PAGE),
    "page-403": Foreign(403, b"Request blocked by policy 4711.", "text/plain"),
    "page-404": Foreign(404, _PAGE),
    "page-503": Foreign(503, _PAGE),
    "maintenance": Foreign(200, b'{"status":"maintenance"}', JSON),
    "json-404": Foreign(404, b'{"message":"no Route matched with those values"}', JSON),
    "json-400": Foreign(400, b'{"error":"bad_request"}', JSON),
    "nothing": Foreign(200, b"", JSON),
    "null": Foreign(200, b"null", JSON),
    "list": Foreign(200, b"[]", JSON),
    "items-5": Foreign(200, b'{"items":5,"hasMore":false,"count":5,"totalResults":5}', JSON),
    "items-of-text": Foreign(200, b'{"items":["1"],"hasMore":false,"count":1,"totalResults":1}', JSON),
    "odd-charset": Foreign(200, b'{"status":"maintenance"}', "application/json; charset=zlib"),
    "deep": Foreign(200, b'{"items":' + b"[" * 5000 + b"]" * 5000 + b"}", JSON),
    "half": Foreign(200, _EMPTY[:12], JSON, cut=True),
    "half-closed": Foreign(200, b'{"items":[{"id":"12', JSON),
}
"""Answers of somebody else, by name."""


class Weather:
    """Each call meets one of the answers with a chance, before or after the account has done what was asked."""

    def __init__(self, seed: int, chance: float, until: int) -> None:
        """`until`: how many calls it lasts."""
        self._rng = Random(f"{seed}/weather")
        self._chance, self._left = chance, until
        self.met: list[tuple[str, str, str]] = []

    def __call__(self, method: str, path: str) -> Foreign | None:
        self._left -= 1
        if self._left < 0 or self._rng.random() >= self._chance:
            return None
        name = self._rng.choice(sorted(ANSWERS))
        applied = method != "GET" and self._rng.random() < 0.5
        self.met.append((name, f"{method} {path}", "after" if applied else "before"))
        return replace(ANSWERS[name], applied=applied)
