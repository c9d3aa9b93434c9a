"""Items that a command names by their SKU: their internal ids, looked up once in a while."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.netsuite.client import Client
from adapters.netsuite.items import KNOWN_FOR, Items
from adapters.netsuite.wire import Answer, Progress
from tests.unit.netsuite_commands import exchange, movement, receipt, tee
from tests.unit.simulated_netsuite import Freely

CALLS = Freely()


class Books:
    """A wire to the items of an account, by name."""

    def __init__(self, *rows: tuple[str, str, str]) -> None:
        self.rows = [{"id": number, "itemid": name, "isinactive": flag} for number, name, flag in rows]
        self.asked: list[str] = []
        self.now = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
        self.items = Items(Client("https://example.com", self), lambda: self.now)

    async def send(self, method: str, url: str, body: bytes | None, headers: Any, progress: Progress) -> Answer:
        statement = json.loads(body or b"")["q"]
        self.asked.append(statement.partition(" IN ")[2])
        shown = [row for row in self.rows if f"'{row['itemid']}'" in statement.replace("''", "'")]
        return Answer(200, {}, json.dumps({"items": shown, "hasMore": False}))

    async def close(self) -> None:
        """Nothing is open."""

    async def named(self, *skus: str) -> list[str]:
        lines = [tee(item=sku, sku=sku) for sku in skus]
        body = (await self.items.named(receipt("60", *lines), CALLS)).body
        return [line["item"] for line in body["lines"]]


async def test_names_become_internal_ids_and_ids_stay() -> None:
    """In lines, and where the body itself names the item; nothing else of the command changes."""
    books = Books(("11", "TEE", "F"), ("12", "O'NEIL", "F"))
    assert await books.named("TEE", "4711", "O'NEIL", "TEE") == ["11", "4711", "12", "11"]
    assert books.asked == ["('O''NEIL', 'TEE')"]
    moved = movement(item="TEE", sku="TEE")
    found = await books.items.named(moved, CALLS)
    assert found.body == {**moved.body, "item": "11"} and found.id == moved.id
    plain = exchange("7", {"item": "4712", "sku": "TEE-RED-L", "quantity": 1})
    assert await books.items.named(plain, CALLS) is plain


async def test_a_name_that_no_item_or_several_have_is_left_for_netsuite() -> None:
    """It refuses it, in its own words; one that is active goes before those that are not."""
    books = Books(("1", "TWO", "F"), ("2", "TWO", "F"), ("3", "OLD", "T"), ("4", "NEW", "T"), ("5", "NEW", "F"))
    assert await books.named("TWO", "OLD", "NEW", "NONE") == ["TWO", "3", "5", "NONE"]


async def test_a_name_is_asked_about_once_in_a_while() -> None:
    """A renamed item is found again before long; what was not found is asked about each time."""
    books = Books(("11", "TEE", "F"))
    for _ in range(2):
        assert await books.named("TEE") == ["11"]
    assert len(books.asked) == 1
    assert await books.named("TEE", "HAT") == ["11", "HAT"]
    assert books.asked[1:] == ["('HAT')"]
    books.rows[0]["id"] = "99"
    books.now += KNOWN_FOR - timedelta(seconds=1)
    assert await books.named("TEE") == ["11"]
    books.now += timedelta(seconds=1)
    assert await books.named("TEE") == ["99"]
    assert len(books.asked) == 3
