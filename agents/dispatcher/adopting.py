"""L01: which documents made by hand are still nobody's, so that one document never stands for two commands."""

from __future__ import annotations

from agents.dispatcher.ports import Table
from streams.adapter import Document
from streams.commands import Command
from streams.vocabulary import DocumentKind


class Adoptions:
    """What commands of this account ended with, by the table; and what was adopted since and is not yet in it."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._adopted: dict[tuple[DocumentKind, str], str] = {}  # the command's id

    def free(self, command: Command, candidates: tuple[Document, ...]) -> tuple[Document, ...]:
        """Of documents that fit, those that no other command ended with."""
        return tuple(document for document in candidates if not self._is_taken(command, document.number))

    def adopt(self, command: Command, number: str) -> None:
        """Two orders that are called alike in the account are looked up at the same time."""
        self._adopted[command.kind, number] = command.id

    def _is_taken(self, command: Command, number: str) -> bool:
        adopter = self._adopted.get((command.kind, number), command.id)
        return adopter != command.id or not self._table.ended_with(command.kind, number) <= {command.id}
