"""How the records of an order's changelog are joined into its row."""

from __future__ import annotations

from agents.rows import UnreadableRecord
from streams.row import Row
from streams.rowcodec import UnreadableRow, encode, merge


class Joins:
    """The merge of a sequencer's rows; it remembers which rows are more than one of their records."""

    def __init__(self) -> None:
        self._joined: set[bytes] = set()

    def merge(self, key: bytes, old: bytes | None, new: bytes) -> bytes:
        """Raises UnreadableRecord: whatever is wrong with one order's records ends at that order."""
        try:
            merged = merge(old, new)
        except UnreadableRow as error:
            raise UnreadableRecord(str(error)) from error
        except Exception as error:
            raise UnreadableRecord(f"it cannot be joined: {error!r}") from error
        if merged is not new and merged is not old:
            self._joined.add(key)
        return merged

    def was_joined(self, key: bytes) -> bool:
        """Whether the row came of a join since this was last asked: nobody has decided about it as it is."""
        if key not in self._joined:
            return False
        self._joined.discard(key)
        return True

    @staticmethod
    def unreadable(key: bytes, raw: bytes, error: Exception) -> bytes:
        """A record that cannot be read becomes a quarantined order, never an absent one."""
        return encode(Row(key.decode(errors="replace"), quarantined=f"its changelog record is unreadable: {error}"))
