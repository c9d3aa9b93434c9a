"""Answers that are not the vendor's: what stands between a caller and a system says something of its own.

Pages of proxies, load balancers and maintenance modes, as operators report them; the wording is ours. And numbers as a
vendor's floating point shows them: a total of 40.0 comes as 40.00000000000001.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from adapters.simulators.exchange import Reply

_HTML = {"Content-Type": "text/html; charset=utf-8"}
_JSON = {"Content-Type": "application/json"}
_PLAIN = {"Content-Type": "text/plain"}


def _page(title: str) -> bytes:
    return f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode()


STYLES: Mapping[str, Reply] = {
    "maintenance-json": Reply(200, _JSON, b'{"status":"maintenance"}'),
    "maintenance-html": Reply(200, _HTML, _page("We will be back soon")),
    "empty": Reply(200, _JSON, b""),
    "cut-json": Reply(200, _JSON, b'{"links":[],"count":1,"items":[{"id":"4'),
    "wrong-shape": Reply(200, _JSON, b'{"items":5,"hasMore":false}'),
    "deep-json": Reply(200, _JSON, b"[" * 20_000 + b"]" * 20_000),
    "odd-charset": Reply(200, {"Content-Type": "application/json; charset=zlib"}, b'{"items":"\xff\xfe"}'),
    "redirect": Reply(302, {"Location": "https://login.example.com/"}, b""),
    "proxy-400": Reply(400, _PLAIN, b"Bad request"),
    "proxy-401": Reply(401, _HTML, _page("Sign in to the network")),
    "proxy-403": Reply(403, _HTML, _page("Access denied")),
    "proxy-404": Reply(404, _HTML, _page("Not found")),
    "json-404": Reply(404, _JSON, b'{"message":"no route matched"}'),
    "brackets-400": Reply(400, _PLAIN, b"[" * 100_000),
}
"""By name, what is answered instead."""


def reply(style: str, dice: Random) -> Reply:
    """The answer of a style; an empty one is any."""
    return STYLES[style or dice.choice(sorted(STYLES))]


def odd_numbers(answer: Reply, dice: Random) -> Reply:
    """The same answer with each broken number one step of a float away, or with more digits than money has."""
    try:
        shown = json.loads(answer.body)
    except ValueError:
        return answer
    return replace(answer, body=json.dumps(_odd(shown, dice)).encode())


def _odd(value: Any, dice: Random) -> Any:
    if isinstance(value, dict):
        return {name: _odd(inner, dice) for name, inner in value.items()}
    if isinstance(value, list):
        return [_odd(inner, dice) for inner in value]
    if isinstance(value, float):
        return dice.choice((math.nextafter(value, math.inf), math.nextafter(value, -math.inf), value))
    return value
