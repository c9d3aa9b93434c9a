"""Goods against inspections, and exchanges against requests (I3, I4, X01)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from adapters.generator.books import Books, Movement, moment
from adapters.generator.catalogue import SERVICES
from adapters.generator.expected import Expected
from adapters.generator.names import Names
from adapters.generator.truth import Truth
from adapters.generator.verdict import Open, Verdict

_NOTHING = Open([], [])
# [dispositions] of docker/profiles/demo.toml
_PLACES = {"sellable": "sellable", "damaged": "quarantine", "faulty": "quarantine", "destroyed": "write_off"}


def check(
    verdict: Verdict,
    expected: Expected,
    sure: Truth,
    most: Truth,
    books: Books,
    opened: Mapping[str, Open],
    places: Mapping[str, str] | None = None,
    names: Names | None = None,
) -> None:
    """Adds to the verdict what is wrong with the goods.

    `places` is where the profile sends each disposition; empty where not the warehouse decides about goods, and then
    nothing is said of stock.
    """
    places = _PLACES if places is None else places
    names = names or Names()
    if places:
        _restocks(verdict, most, books, opened, places, names)
        _quantities(verdict, expected, most, books, names)
        _missing_goods(verdict, expected, sure, books, opened, places, names)
        _held_goods(verdict, most, opened, places)
    _authorisations(verdict, expected, sure, books, opened)
    _exchanges(verdict, sure, most, books, opened, names)


def _restocks(
    verdict: Verdict, most: Truth, books: Books, opened: Mapping[str, Open], places: Mapping[str, str], names: Names
) -> None:
    """At every restock: no more in the sellable stock than inspections sent by then had found sellable.

    "Sent" counts from when the first attempt began: what is in the log may be acted on before its 200 has come back.
    Of an inspection told in several versions each may have been the newest for a while, so its largest count allows.
    """
    early = restocks = 0
    running: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    allowing: dict[tuple[str, str], list[tuple[str, int, str, int]]] = defaultdict(list)
    final: dict[tuple[str, str], int] = defaultdict(int)
    for found in most.found:
        if places.get(found.disposition) == "sellable":
            allowing[found.order_id, names.sku(found.order_id, found.sku)].append(
                (found.inspection_id, found.version, found.known_from, found.quantity)
            )
    for found in most.found_finally():
        if places.get(found.disposition) == "sellable":
            final[found.order_id, names.sku(found.order_id, found.sku)] += found.quantity
    flagged: set[tuple[str, str]] = set()
    for movement in books.movements:
        key = (movement.order_id, names.sku(movement.order_id, movement.sku))
        if movement.lowers_sellable:
            running[key] -= movement.quantity
        if not movement.raises_sellable:
            continue
        restocks += 1
        running[key] += movement.quantity
        if running[key] > _allowed(allowing[key], movement):
            early += 1
            flagged.add(key)
            allowed_ever = _allowed(allowing[key], None)
            late = running[key] <= allowed_ever
            what = f"{running[key]} {movement.sku} in sellable stock at entry {movement.seq}, " + (
                "before their inspection was sent" if late else f"{allowed_ever} ever inspected as sellable"
            )
            verdict.add("I3", "restocked-early" if late else "restocked-uninspected", movement.order_id, what)
    for key, units in running.items():
        if units > final[key] and key not in flagged:
            if units <= final[key] + _still_to_move(key, most, opened.get(key[0], _NOTHING), places, names):
                continue
            what = f"{units} {key[1]} restocked, {final[key]} finally inspected as sellable"
            verdict.add("I4", "restocked-more-than-inspected", key[0], what)
    verdict.counts["restocks"] = restocks
    verdict.counts["restocks_before_inspection"] = early


def _still_to_move(key: tuple[str, str], most: Truth, opened: Open, places: Mapping[str, str], names: Names) -> int:
    """Units that a correction takes out of the sellable stock by a move of theirs that somebody has to see to."""
    skus = names.skus(*key)
    sellable: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for found in most.found:
        if found.order_id == key[0] and found.sku in skus and places.get(found.disposition) == "sellable":
            sellable[found.inspection_id, found.line_id][found.version] += found.quantity
    units = 0
    for (inspection_id, line_id), by_version in sellable.items():
        # A move is named after the units and where they lie: inspection/line/SKU/disposition@warehouse>...
        starts = [f"{inspection_id}/{line_id}/{sku}/" for sku in skus]
        lying = [move.removeprefix(start) for move in opened.moves() for start in starts if move.startswith(start)]
        if any(places.get(place.partition("@")[0]) == "sellable" for place in lying):
            units += max(by_version.values()) - by_version.get(most.newest[inspection_id], 0)
    return units


def _allowed(inspections: list[tuple[str, int, str, int]], movement: Movement | None) -> int:
    """The most units that inspections known at a movement (None: ever) had found sellable."""
    versions: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for inspection_id, version, known_from, quantity in inspections:
        if movement is None or moment(known_from) <= movement.at:
            versions[inspection_id][version] += quantity
    return sum(max(by_version.values()) for by_version in versions.values())


def _quantities(verdict: Verdict, expected: Expected, most: Truth, books: Books, names: Names) -> None:
    """I4 beyond the restock: received <= inspected and sold, authorised <= sold."""
    inspected: dict[tuple[str, str], dict[str, dict[int, int]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(int))
    )
    for found in most.found:
        if found.disposition != "missing":
            key = (found.order_id, names.sku(found.order_id, found.sku))
            inspected[key][found.inspection_id][found.version] += found.quantity
    received: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for movement in books.movements:
        if movement.kind == "item_receipt":
            key = (movement.order_id, names.sku(movement.order_id, movement.sku))
            received[key] += movement.quantity if movement.target else -movement.quantity
    authorised: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for document in books.of_kind("return_authorisation"):
        if document.status != "closed":
            for line in document.lines:
                key = (document.order_id, names.sku(document.order_id, line["sku"]))
                authorised[key] += Decimal(str(line["quantity"]))
    for (order_id, sku), units in sorted(received.items()):
        seen = sum(max(versions.values()) for versions in inspected[order_id, sku].values())
        if units > seen:
            verdict.add("I4", "received-more-than-inspected", order_id, f"{units} {sku} received, {seen} inspected")
    taken_over = _taken_over(expected, most)
    for name, done in (("received", received), ("authorised", authorised)):
        together: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for (order_id, sku), units in sorted(done.items()):
            together[names.order(order_id), sku] += units
        for (order_id, sku), units in together.items():
            order = expected.orders.get(order_id)
            same = names.skus(order_id, sku)
            sold = sum(order.units.get(one, 0) for one in same) if order else 0
            if order and (name == "authorised" or not taken_over[order_id]):  # else they come in with one of ours
                sold -= sum(order.before.get(one, 0) for one in same)
            if units > sold:
                verdict.add("I4", f"{name}-more-than-sold", order_id, f"{units} {sku} {name}, {sold} sold")


def _missing_goods(
    verdict: Verdict,
    expected: Expected,
    sure: Truth,
    books: Books,
    opened: Mapping[str, Open],
    places: Mapping[str, str],
    names: Names,
) -> None:
    """What was inspected lies where its disposition says, or somebody can say why not."""
    wanted: dict[tuple[str, str, str], int] = defaultdict(int)
    returns: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    kept_back = {
        (return_id, line["line_id"])
        for return_id, data in sure.returns.items()
        for line in data["lines"]
        if line.get("restock") is False
    }
    for found in sure.found_finally():
        place = places.get(found.disposition)
        if place == "sellable" and (found.return_id, found.line_id) in kept_back:
            place = "quarantine"  # CONTRACTS section 3: restock=false wins over sellable
        location = expected.places.get(found.location, {}).get(place or "")
        if location and found.return_id in sure.returns:
            key = (found.order_id, names.sku(found.order_id, found.sku), location)
            wanted[key] += found.quantity
            returns[key].add(found.return_id)
    lying: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for movement in books.movements:
        sku = names.sku(movement.order_id, movement.sku)
        lying[movement.order_id, sku, movement.target] += movement.quantity
        lying[movement.order_id, sku, movement.origin] -= movement.quantity
    for key, units in sorted(wanted.items()):
        order_id, sku, location = key
        if lying[key] < units and not opened.get(order_id, _NOTHING).goods(order_id, returns[key], sku):
            what = f"{units} {sku} inspected for location {location}, {lying[key]} there, and nothing says why"
            verdict.add("I14", "goods-missing", order_id, what)


def _held_goods(verdict: Verdict, most: Truth, opened: Mapping[str, Open], places: Mapping[str, str]) -> None:
    """CX is asked about rejected goods only where they could be sold: damaged ones go where their disposition says,
    and of a partly accepted line the accepted units are the best found ones (CONTRACTS section 3)."""
    returned = {found.inspection_id: found.return_id for found in most.found}
    for order_id, shown in opened.items():
        for entry in shown.exceptions:
            parts = str(entry.get("subject") or "").partition("#")[0].split("/")
            if entry.get("step") != "item_receipt" or entry.get("owner") != "cx" or len(parts) != 4:
                continue
            inspection_id, line_id, sku, disposition = parts
            place = places.get(disposition)
            if place is not None and place != "sellable":
                what = f"{disposition} {sku} of line {line_id} go to {place}, and CX is asked about them"
                verdict.add("S03", "goods-held-needlessly", order_id, what)
            data = most.returns.get(returned.get(inspection_id, ""), {"lines": (), "state": ""})
            line = next((one for one in data["lines"] if one["line_id"] == line_id), None)
            if line is None or line["sku"] != sku or line["verdict"] == "rejected":
                continue
            good = sum(
                found.quantity
                for found in most.found_finally()
                if (found.return_id, found.line_id) == (data["return_id"], line_id)
                and places.get(found.disposition) == "sellable"
            )
            accepted = line["quantity"] - line.get("rejected_quantity", 0)
            if data["state"] not in ("rejected", "cancelled") and good <= accepted:
                what = f"{good} {sku} of line {line_id} were found sellable, {accepted} accepted, and CX is asked"
                verdict.add("S03", "goods-held-needlessly", order_id, what)


def _taken_over(expected: Expected, told: Truth) -> dict[str, set[str]]:
    """L01, by order: the returns for which what somebody authorised before can have been taken. It holds just their
    units, and of their first version nobody had heard: they may have been open at the cut-over."""
    found: dict[str, set[str]] = defaultdict(set)
    for return_id in told.late:
        data = told.returns[return_id]
        order = expected.orders.get(str(data["order_id"]))
        units: dict[str, int] = defaultdict(int)
        for line in data["lines"]:
            units[line["sku"]] += line["quantity"]
        if order is not None and order.before and order.before == units:
            found[str(data["order_id"])].add(return_id)
    return found


def _authorisations(
    verdict: Verdict, expected: Expected, sure: Truth, books: Books, opened: Mapping[str, Open]
) -> None:
    """R01: each open return with lines has an authorisation, or somebody can say why not."""
    taken_over = _taken_over(expected, sure)
    made: dict[str, int] = defaultdict(int)
    for document in books.of_kind("return_authorisation"):
        if document.status not in ("closed", "void"):
            made[document.order_id] += 1
    unexplained: dict[str, list[str]] = defaultdict(list)
    for return_id, data in sorted(sure.returns.items()):
        order_id = str(data["order_id"])
        sent = [line for line in data["lines"] if line["sku"] not in SERVICES]  # the others are credited only
        if sent and data["state"] not in ("rejected", "cancelled"):
            if opened.get(order_id, _NOTHING).authorisation(order_id, return_id):
                continue
            unexplained[order_id].append(return_id)
    for order_id, names in unexplained.items():
        made[order_id] += not taken_over[order_id].isdisjoint(names)  # there is one, for one of them
        if len(names) > made[order_id]:
            what = f"{len(names)} returns, {made[order_id]} open return authorisations: {', '.join(names)}"
            verdict.add("R01", "authorisation-missing", order_id, what)


def _exchanges(
    verdict: Verdict, sure: Truth, most: Truth, books: Books, opened: Mapping[str, Open], names: Names
) -> None:
    """As many units of each replacement ordered as requested; a split order counts by its units (X05)."""
    requested: dict[tuple[str, str], int] = defaultdict(int)
    due: dict[tuple[str, str], int] = defaultdict(int)
    returns: dict[tuple[str, str], set[str]] = defaultdict(set)
    for exchange in most.exchanges:
        wanted = (exchange.order_id, names.sku(exchange.order_id, exchange.sku))
        requested[wanted] += exchange.quantity
        returns[wanted].add(exchange.return_id)
    for exchange in sure.exchanges:
        due[exchange.order_id, names.sku(exchange.order_id, exchange.sku)] += exchange.quantity
    orders = [document for document in books.of_kind("exchange_order") if not document.void]
    ordered: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for document in orders:
        if document.amount:
            what = f"exchange order {document.number} costs {document.amount} {document.currency}"
            verdict.add("X01", "exchange-not-free", document.order_id, what)
        for line in document.lines:
            sku = names.sku(document.order_id, line["sku"])
            ordered[document.order_id, sku] += Decimal(str(line["quantity"]))
    for key in sorted({*requested, *ordered}):
        order_id, sku = key
        if ordered[key] > requested[key]:
            what = f"{ordered[key]} {sku} sent in exchange, {requested[key]} requested"
            verdict.add("I2", "exchange-doubled", order_id, what)
        if ordered[key] < due[key] and not opened.get(order_id, _NOTHING).exchange(order_id, returns[key], sku):
            what = f"{due[key]} {sku} due in exchange, {ordered[key]} ordered, and nothing says why"
            verdict.add("X03", "exchange-lost", order_id, what)
    verdict.counts["exchanges_requested"] = len(sure.exchanges)
    verdict.counts["exchange_orders"] = len(orders)
