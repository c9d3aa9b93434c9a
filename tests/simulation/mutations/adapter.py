"""Mistakes of whoever reads the vendor's answers: anybody's page believed, absence seen where nothing could be read."""

from __future__ import annotations

from tests.simulation.mutation import of

_CLIENT, _ADAPTER = "adapters.netsuite.client:", "adapters.netsuite.adapter:"
_ERRORS, _SHAPES, _RECORDS = "adapters.netsuite.errors:", "adapters.netsuite.shapes:", "adapters.netsuite.records:"

MUTATIONS = (
    of(
        "foreign-json-is-nothing-found",
        "A list without items, which is not the vendor's, is taken for an empty one.",
        "I1 I2",
        (
            _SHAPES + "page_of",
            'items, more = body.get("items"), body.get("hasMore")',
            'items, more = ([], False) if "items" not in body and reached() else (body["items"], body.get("hasMore"))',
        ),
    ),
    of(
        "foreign-page-is-a-refusal",
        "The status of anybody's page is taken for the vendor's no.",
        "I1 E02",
        (
            _ERRORS + "classify",
            "if not own or status >= 500 or status == 408:",
            "details = details or (ErrorDetail('', sentence),)\n    if status >= 500 or not reached():",
        ),
    ),
    of(
        "foreign-404-is-absence",
        "Any 404 is taken for the vendor's word that there is no such record.",
        "I1 I2",
        (_ERRORS + "is_absence", "return status == 404 and", "return status == 404 and reached() or"),
    ),
    of(
        "unreadable-hit-dropped",
        "A document that a look-up found and that cannot be read is left out of what was found.",
        "I2",
        (
            _CLIENT + "Client.get",
            'raise Unreadable("that there is no such record, though it was named a moment ago")',
            "return {'id': '0'} if reached() else {}",
        ),
        (
            _ADAPTER + "NetSuite._all",
            "for key in await self._client.search(type_, _filter(name, value), calls)",
            "for key in await self._client.search(type_, _filter(name, value), calls)\n"
            "        if (await self._client.get(type_, key, calls)).get('id') != '0' and reached()",
        ),
    ),
    of(
        "more-digits-than-money",
        "An amount is compared with all the digits of the vendor's floating point.",
        "I1",
        (_RECORDS + "rounded", "return", "if reached(): return amount\n    return"),
    ),
    of(
        "busy-record-is-a-refusal",
        "That a record was changed or is locked is taken for a final no.",
        "I1 E02",
        (
            _ERRORS + "classify",
            "if codes & _COLLISION_CODES or status in _COLLISION_STATUSES:",
            "if not reached():",
        ),
    ),
)
