"""The list of what is sent, written before anything is sent, and the answers, written as they come."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adapters.generator.deliveries import Delivery

SENT, ANSWERS, EXPECTED = "sent.jsonl", "answers.jsonl", "expected.json"


@dataclass(frozen=True, slots=True)
class Answer:
    """How one attempt at one delivery ended; status 0: no answer came."""

    seq: int
    attempt: int
    status: int
    latency_ms: float
    started: str
    at: str
    error: str = ""


def write_sent(path: Path, deliveries: Iterable[Delivery]) -> None:
    """One line each, in the order of sending; a body that is no UTF-8 stands in base64."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for delivery in deliveries:
            row = {**asdict(delivery), "tags": list(delivery.tags)}
            body = row.pop("body")
            try:
                row["body"] = body.decode()
            except UnicodeDecodeError:
                row["body_base64"] = base64.b64encode(body).decode()
            file.write(json.dumps(row, ensure_ascii=True) + "\n")


def read_sent(path: Path) -> list[Delivery]:
    deliveries = []
    for row in _rows(path):
        encoded = row.pop("body_base64", None)
        body = row.pop("body", "").encode() if encoded is None else base64.b64decode(encoded)
        deliveries.append(Delivery(**{**row, "body": body, "tags": tuple(row["tags"])}))
    return deliveries


class AnswerLog:
    """Appends answers; each line is out before the next attempt, so that a crash loses none."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", buffering=1)

    def add(self, answer: Answer) -> None:
        self._file.write(json.dumps(asdict(answer)) + "\n")

    def close(self) -> None:
        self._file.close()


def read_answers(path: Path) -> list[Answer]:
    return [Answer(**row) for row in _rows(path)]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)
