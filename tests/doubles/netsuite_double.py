"""A second NetSuite, built another way than the simulator: SQLite behind the standard library's HTTP server.

It keeps documents as JSON in one table, and SQLite answers SuiteQL. It differs on purpose where NetSuite may: numbers
start at 90000, Location names another host and a lower-case type, header names are lower case, fields come in another
order among ones that nobody asked for. Sign-in is looked at, not checked. Enough for the main flow: order look-up,
authorisation, credit memo, application, receipt, exchange, transfer, journal, closing, read-back.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_TABLES = """
CREATE TABLE docs (id INTEGER PRIMARY KEY, type TEXT, body TEXT);
CREATE TABLE item (id TEXT, itemid TEXT, externalid TEXT, displayname TEXT, itemtype TEXT, isinactive TEXT);
CREATE TABLE inventoryItemLocations (item TEXT, location TEXT, quantityavailable REAL, quantityonhand REAL);
CREATE VIEW aggregateItemLocation AS SELECT * FROM inventoryItemLocations;
"""
_CONDITION = re.compile(r"(\w+) (IS|EQUAL|CONTAIN|ANY_OF|ON_OR_AFTER|EMPTY_NOT|EMPTY) ?(.*)")
_STATUS = {"H": "Closed", "B": "Pending Receipt", "G": "Billed"}


class Refusal(Exception):
    """Status, code, sentence."""


class NetSuiteDouble:
    """`with NetSuiteDouble() as double:`; `base_url` is an account's base URL, `documents()` what was made."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.executescript(_TABLES)
        self._lock = threading.Lock()
        self._seeded: set[int] = set()
        self.calls: list[str] = []
        self.writes: list[tuple[str, str, dict[str, Any]]] = []
        double = self

        class Handler(_Handler):
            owner = double

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/tenants/42"

    def __enter__(self) -> NetSuiteDouble:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # What a test says and asks.

    def add_item(self, sku: str, number: str, available: dict[str, int] | None = None, active: bool = True) -> None:
        self._db.execute("INSERT INTO item VALUES (?,?,?,?,?,?)", (number, sku, sku, sku, "InvtPart", "FT"[not active]))
        rows = [(number, place, units, units) for place, units in (available or {}).items()]
        self._db.executemany("INSERT INTO inventoryItemLocations VALUES (?,?,?,?)", rows)

    def add_order(self, order_id: str, lines: list[dict[str, Any]], due: float = 0.0, currency: str = "GBP") -> int:
        """A billed order with its customer and invoice; lines have sku, item, quantity, gross, tax, tax_code."""
        entity = self._keep(
            "customer", {"entityId": f"C{order_id}", "isInactive": False, "externalId": f"c-{order_id}"}
        )
        rows = [
            {
                "line": number,
                "item": {"id": line["item"], "refName": line["sku"]},
                "quantity": line["quantity"],
                "quantityFulfilled": line["quantity"],
                "grossAmt": float(line["gross"]),
                "tax1Amt": float(line["tax"]),
                "amount": round(float(line["gross"]) - float(line["tax"]), 2),
                "taxCode": {"id": line["tax_code"]},
                "custcol_order_line_id": line.get("order_line_id", f"ol{number}"),
            }
            for number, line in enumerate(lines, 1)
        ]
        head = {"entity": {"id": str(entity)}, "currency": {"id": "11", "refName": currency}, "otherRefNum": order_id}
        total = round(sum(row["grossAmt"] for row in rows), 2)
        order = {**head, "tranId": f"SLS{order_id}", "total": total, "item": {"items": rows}, "tranDate": "2026-11-01"}
        key = self._keep("salesOrder", {**order, "status": {"id": "G", "refName": "Billed"}, "externalId": order_id})
        bill = {
            **head,
            "createdFrom": {"id": str(key)},
            "total": total,
            "amountRemaining": due,
            "tranId": f"I{order_id}",
        }
        self._seeded |= {entity, key, self._keep("invoice", bill)}
        return key

    def documents(self, type_: str = "") -> list[dict[str, Any]]:
        """What was made by calls, oldest first, seeds left out; `type` and `id` are in each."""
        rows = self._db.execute("SELECT id, type, body FROM docs ORDER BY id").fetchall()
        made = [
            {**json.loads(body), "id": str(key), "type": kind} for key, kind, body in rows if key not in self._seeded
        ]
        return [one for one in made if type_ in ("", one["type"])]

    # The work behind a call.

    def _keep(self, type_: str, body: dict[str, Any]) -> int:
        (last,) = self._db.execute("SELECT coalesce(max(id), 89999) FROM docs").fetchone()
        self._db.execute("INSERT INTO docs VALUES (?,?,?)", (last + 1, type_, json.dumps(body)))
        return int(last) + 1

    def _load(self, type_: str, key: str) -> tuple[int, dict[str, Any]]:
        test = "json_extract(body, '$.externalId') = ?" if key.startswith("eid:") else "id = ?"
        statement = f"SELECT id, body FROM docs WHERE type = ? AND {test} ORDER BY id"
        row = self._db.execute(statement, (type_, key.removeprefix("eid:"))).fetchone()
        if row is None:
            raise Refusal(404, "NONEXISTENT_ID", f"{type_} {key} is not on file.")
        return int(row[0]), json.loads(row[1])

    def _store(self, key: int, body: dict[str, Any]) -> None:
        self._db.execute("UPDATE docs SET body = ? WHERE id = ?", (json.dumps(body), key))

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        """(200, what is read), or (204, the number of what was written)."""
        with self._lock:
            match method, path.split("/"):
                case "POST", ["query", "v1", "suiteql"]:
                    return 200, self._rows(str(body["q"]))
                case "GET", ["record", "v1", type_]:
                    return 200, self._found(type_, query.get("q", ""))
                case "GET", ["record", "v1", type_, key]:
                    return 200, self._shown(type_, key, query)
                case "POST", ["record", "v1", type_, key, "!transform", target]:
                    return 204, (target, self._transform(type_, key, target, body, query))
                case "POST", ["record", "v1", type_]:
                    return 204, (type_, self._keep(type_, self._totalled(type_, body)))
                case "PUT", ["record", "v1", type_, key]:
                    return 204, (type_, self._upsert(type_, key, body))
                case "PATCH", ["record", "v1", type_, key]:
                    return 204, (type_, self._patch(type_, key, body))
        raise Refusal(404, "NOT_FOUND", f"{method} {path}")

    def _rows(self, statement: str) -> dict[str, Any]:
        try:
            cursor = self._db.execute(statement)
        except sqlite3.Error as error:
            raise Refusal(400, "INVALID_PARAMETER", str(error)) from None
        names = [column[0].lower() for column in cursor.description]
        rows = [dict(zip(names, (None if v is None else f"{v}" for v in row), strict=True)) for row in cursor]
        return {
            "totalResults": len(rows),
            "hasMore": False,
            "items": rows,
            "offset": 0,
            "count": len(rows),
            "links": [],
        }

    def _found(self, type_: str, q: str) -> dict[str, Any]:
        rows = self._db.execute("SELECT id, body FROM docs WHERE type = ? ORDER BY id", (type_,)).fetchall()
        tests = [part for part in re.split(r" AND (?=\w+ [A-Z_]+)", q) if part]
        keys = [key for key, body in rows if all(_meets(json.loads(body), test) for test in tests)]
        items = [{"id": str(key), "links": [], "x": None} for key in keys]
        return {"offset": 0, "items": items, "totalResults": len(keys), "hasMore": False, "count": len(keys)}

    def _shown(self, type_: str, key: str, query: dict[str, str]) -> dict[str, Any]:
        number, body = self._load(type_, key)
        if query.get("expandSubResources") != "true":
            body = {name: value for name, value in body.items() if name not in ("item", "apply", "line", "inventory")}
        shown = {**body, "id": str(number), "customForm": {"id": "77"}, "subsidiary": {"id": "1"}, "exchangeRate": 1}
        return dict(reversed(shown.items()))

    def _totalled(self, type_: str, body: dict[str, Any]) -> dict[str, Any]:
        rows = body.get("item", {}).get("items", [])
        for number, row in enumerate(rows, 1):
            gross = float(row.get("grossAmt", row.get("amount", row.get("rate", 0))))
            row |= {"line": row.get("line", number), "grossAmt": gross, "tax1Amt": float(row.get("tax1Amt", 0))}
            row["amount"] = round(gross - row["tax1Amt"], 2)
        total = round(sum(row["grossAmt"] for row in rows), 2)
        money = {"total": total, "unapplied": total, "applied": 0.0} if type_ == "creditMemo" else {"total": total}
        status = {"status": {"id": "B", "refName": _STATUS["B"]}}
        return {"tranDate": "2026-11-27", **body, **money, **status, "tranId": f"{type_[:2].upper()}9"}

    def _transform(self, source: str, key: str, target: str, body: dict[str, Any], query: dict[str, str]) -> int:
        number, origin = self._load(source, key)
        if origin.get("status", {}).get("id") == "H":
            raise Refusal(400, "INVALID_INITIALIZE_REF", "The record is closed.")
        lines = {str(row["line"]): row for row in origin["item"]["items"]}
        rows = []
        for row in body.get("item", {}).get("items", []):
            before = lines.get(str(row.get("orderLine", "")))
            if before is None and "orderLine" in row:
                raise Refusal(400, "USER_ERROR", f"No line {row['orderLine']}.")
            if target == "itemReceipt" and not row.get("location"):
                raise Refusal(400, "USER_ERROR", "Location is wanted.")
            # A return keeps its order's line numbers, so that both can be named by one.
            kept = {} if before is None else {**before, "orderLine": before["line"]}
            rows.append({**kept, **row, "item": (before or row)["item"]})
        if query.get("replace") != "item":
            named = {str(row.get("orderLine")) for row in rows}
            rows += [{**row, "orderLine": row["line"]} for line, row in lines.items() if line not in named]
        heads = {name: origin[name] for name in ("entity", "currency", "otherRefNum") if name in origin}
        made = {**heads, **body, "createdFrom": {"id": str(number)}, "item": {"items": rows}}
        return self._keep(target, self._totalled(target, made))

    def _upsert(self, type_: str, key: str, body: dict[str, Any]) -> int:
        made = self._totalled(type_, {**body, "externalId": key.removeprefix("eid:")})
        try:
            number, before = self._load(type_, key)
        except Refusal:
            return self._keep(type_, made)
        self._store(number, {**before, **made})
        return number

    def _patch(self, type_: str, key: str, body: dict[str, Any]) -> int:
        number, before = self._load(type_, key)
        status = body.get("orderStatus") or body.get("status")
        if status:
            code = status["id"] if isinstance(status, dict) else status
            before |= {"status": {"id": code, "refName": _STATUS[code]}, "orderStatus": {"id": code}}
        for row in body.get("item", {}).get("items", []):
            if row.get("isClosed"):
                before["status"] = {"id": "H", "refName": _STATUS["H"]}
        for row in body.get("apply", {}).get("items", []):
            bill_key, bill = self._load("invoice", str(row["doc"]["id"]))
            amount = float(row["amount"])
            if amount > min(bill["amountRemaining"], before["unapplied"]):
                raise Refusal(400, "USER_ERROR", "More than is due.")
            self._store(bill_key, {**bill, "amountRemaining": round(bill["amountRemaining"] - amount, 2)})
            before["unapplied"] = round(before["unapplied"] - amount, 2)
            before["applied"] = round(before["applied"] + amount, 2)
            before.setdefault("apply", {"items": []})["items"].append({**row, "amount": amount})
        self._store(number, before)
        return number


def _meets(body: dict[str, Any], test: str) -> bool:
    match = _CONDITION.fullmatch(test.strip())
    if match is None:
        raise Refusal(400, "INVALID_SEARCH_CRITERIA", test)
    name, operator, raw = match.groups()
    value = body.get(name)
    has = str(value.get("id") if isinstance(value, dict) else "" if value is None else value)
    wanted = [part.strip().strip("\"'") for part in raw.strip("[]()").split(",")]
    return {
        "CONTAIN": wanted[0] in has,
        "ON_OR_AFTER": has[:10] >= wanted[0][:10],
        "EMPTY": not has,
        "EMPTY_NOT": bool(has),
    }.get(operator, has.lower() in [one.lower() for one in wanted])


class _Handler(BaseHTTPRequestHandler):
    owner: NetSuiteDouble
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        path = unquote(url.path).removeprefix("/tenants/42/services/rest/")
        self.owner.calls.append(f"{self.command} {path}")
        try:
            if "oauth_signature=" not in self.headers.get("authorization", ""):
                raise Refusal(401, "INVALID_LOGIN_ATTEMPT", "Who are you?")
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            body = json.loads(raw) if raw else {}
            if self.command != "GET" and path.startswith("record/"):
                self.owner.writes.append((self.command, path, body))
            status, answer = self.owner.answer(self.command, path, query, body)
        except Refusal as error:
            status, code, detail = error.args
            problem = {"o:errorDetails": [{"o:errorCode": code, "detail": detail, "o:errorPath": ""}], "status": status}
            return self._send(status, problem, {})
        if status == 204:
            where = f"https://42.suitetalk.example/services/rest/record/v1/{answer[0].lower()}/{answer[1]}"
            return self._send(204, None, {"location": where})
        return self._send(status, answer, {})

    def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "x-n-operationid": "0-0-0"}.items():
            self.send_header(name, value)
        if body is not None:
            self.send_header("content-type", "application/vnd.oracle.resource+json; type=singular")
            self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
