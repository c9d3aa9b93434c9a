"""Records as REST shows them."""

from __future__ import annotations

from typing import Any

from adapters.netsuite.simulator.records import SUBLISTS, Record


def render(record: Record) -> dict[str, Any]:
    """All fields with every sublist expanded; links are put in when it is answered."""
    shown: dict[str, Any] = {"id": record.id, **record.fields}
    if record.type == "salesOrder":
        shown["total"] = float(record.to_pay)
        shown["taxTotal"] = float(record.tax_to_pay)
        if record.discount:
            shown["discountTotal"] = float(record.discount_tax - record.discount)
    if record.type == "returnAuthorization":
        shown["total"] = float(record.total)
    if record.lines:
        shown["item"] = _sublist([line.render(record.currency) for line in record.lines])
    if record.rows_name:
        shown[record.rows_name] = _sublist(record.rows)
    if record.type == "creditMemo":
        rows = [
            {"line": position, "apply": True, "doc": {"id": invoice}, "amount": float(amount)}
            for position, (invoice, amount) in enumerate(record.applied.items(), 1)
        ]
        shown["apply"] = _sublist(rows)
    return shown


def _sublist(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"items": rows, "count": len(rows), "hasMore": False, "offset": 0, "totalResults": len(rows)}


def answer(shown: dict[str, Any], href: str, expand: bool) -> dict[str, Any]:
    """A record as read: sublists in full, or as links."""
    body: dict[str, Any] = {"links": [{"rel": "self", "href": href}]}
    for name, value in shown.items():
        if name in SUBLISTS and isinstance(value, dict) and "items" in value:
            link = {"links": [{"rel": "self", "href": f"{href}/{name}"}]}
            body[name] = {**link, **value} if expand else link
        else:
            body[name] = value
    return body
