"""What the warehouse found: late, in pieces, and sometimes corrected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from adapters.generator import catalogue
from adapters.generator.chances import Chances
from adapters.generator.story import Story, Told
from adapters.generator.world import weighted

DISPOSITIONS = {"sellable": 78, "damaged": 9, "faulty": 6, "missing": 4, "destroyed": 3}


@dataclass(frozen=True, slots=True)
class Parcel:
    """Goods that reached a warehouse."""

    location: str
    at: datetime


def of(rng: Random, story: Story, data: dict[str, Any], parcel: Parcel, chances: Chances) -> list[Told]:
    """All versions of all inspections of one parcel."""
    if story.plot.name == "never-inspected":
        return []
    lots = _lots(rng, story, data, chances)
    if not lots:
        return []
    sittings = [lots]
    if len(lots) > 1 and rng.random() < 0.5:
        cut = rng.randint(1, len(lots) - 1)
        sittings = [lots[:cut], lots[cut:]]  # two now, one later
    told, at = [], parcel.at
    for sitting in sittings:
        inspection_id = f"ins-{rng.getrandbits(48):012x}"
        at += timedelta(seconds=rng.randint(60, 4 * 3600))
        told.append(_version(story, data, parcel, inspection_id, 1, at, sitting))
        if story.plot.name == "" and rng.random() < chances.corrected:
            at += timedelta(seconds=rng.randint(60, 3600))
            told.append(_version(story, data, parcel, inspection_id, 1 + rng.randint(1, 2), at, _corrected(sitting)))
            story.tags.add("disposition-changed")
    return told


def _lots(rng: Random, story: Story, data: dict[str, Any], chances: Chances) -> list[dict[str, Any]]:
    """One entry for each unit that was looked at, in the SKUs that a warehouse knows."""
    lots: list[dict[str, Any]] = []
    for line in data["lines"]:
        if story.plot.name == "" and rng.random() < chances.never_inspected:
            story.tags.add("not-inspected")
            continue
        if line["sku"] in catalogue.SERVICES:
            continue  # nothing of it ever comes back
        sold = next((one for one in story.order.lines if one.order_line_id == line["order_line_id"]), None)
        if line.get("component_sku"):
            units = [line["component_sku"]] * line["quantity"]
        elif sold is not None and sold.components:
            units = [part.sku for part in sold.components for _ in range(part.quantity * line["quantity"])]
        else:
            units = [line["sku"]] * line["quantity"]
        lots += [
            {"line_id": line["line_id"], "sku": sku, "quantity": 1, "disposition": weighted(rng, DISPOSITIONS)}
            for sku in units
        ]
    if lots and story.plot.name == "unknown-disposition":
        lots[0]["disposition"] = "scuffed"
    if lots and story.plot.name == "wrong-item":
        lots[0]["disposition"] = "wrong_item"
    if lots and story.plot.name == "over-inspected":
        # A unit more than came back, of a line of the return or of a line that nobody knows.
        lots.append({**lots[0], "line_id": lots[0]["line_id"] if rng.random() < 0.5 else "l99"})
    return lots


def _corrected(sitting: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A second look: what was first found good is not, or the other way round."""
    first = sitting[0]
    other = "damaged" if first["disposition"] == "sellable" else "sellable"
    return [{**first, "disposition": other}, *sitting[1:]]


def _version(
    story: Story,
    data: dict[str, Any],
    parcel: Parcel,
    inspection_id: str,
    version: int,
    at: datetime,
    lots: list[dict[str, Any]],
) -> Told:
    merged: dict[tuple[str, str, str], dict[str, Any]] = {}
    for lot in lots:
        key = (lot["line_id"], lot["sku"], lot["disposition"])
        entry = merged.setdefault(key, {**lot, "quantity": 0, "note": ""})
        entry["quantity"] += lot["quantity"]
    body = {
        "inspection_id": inspection_id,
        "version": version,
        "order_id": data["order_id"],
        "return_id": story.return_id,
        "location": parcel.location,
        "lines": list(merged.values()),
    }
    return Told("warehouse", version, at, body)
