"""Reading one table of a profile: each value is checked where it stands, and faults are gathered, not raised."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final

from streams.profile.faults import NOT_A_SETTING, Fault

REQUIRED: Final = object()
_DURATION = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def suggestion(name: str, known: Collection[str]) -> str:
    """`did you mean ...?`, or what there is to choose from."""
    close = get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(sorted(known))}" if known else ""


@dataclass(slots=True)
class Table:
    """A table at a path. What is faulty is noted and read as a stand-in, so that reading can go on."""

    path: str
    raw: Mapping[str, Any]
    faults: list[Fault]
    seen: set[str] = field(default_factory=set)

    @classmethod
    def at(cls, path: str, raw: Any, faults: list[Fault]) -> Table:
        if isinstance(raw, Mapping):
            return cls(path, raw, faults)
        faults.append(Fault(path, "is not a table", f"write it as [{path}]"))
        return cls(path, {}, faults)

    def fault(self, name: str, message: str, mend: str = "") -> None:
        self.faults.append(Fault(self._path(name), message, mend))

    def text(self, name: str, default: Any = REQUIRED) -> str:
        """Text that is not empty; a whole number is read as its text, as ids are."""
        value = self._take(name, default)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and (value.strip() or value == default):
            return value
        if value is not REQUIRED:
            self.fault(name, "is not text" if not isinstance(value, str) else "is empty", "write it in quotes")
        return ""

    def choice(self, name: str, choices: Collection[str], default: Any = REQUIRED) -> str:
        value = self.text(name, default)
        if value and value not in choices:
            self.fault(name, f"is {_shown(value)}, not one of {', '.join(choices)}", suggestion(value, choices))
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self._take(name, default)
        if isinstance(value, bool):
            return value
        self.fault(name, "is neither true nor false")
        return default

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        value = self._take(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.fault(name, "is not a whole number in range", f"{least} to {most}")
        return default

    def seconds(self, name: str, default: float, least: float, most: float, mend: str = "") -> float:
        value = self._take(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        self.fault(name, "is not a number of seconds in range", mend or f"{least:g} to {most:g}")
        return default

    def words(self, name: str, choices: Collection[str]) -> tuple[str, ...]:
        """A list of known words; absent is none."""
        value = self._take(name, ())
        if not isinstance(value, list | tuple):
            self.fault(name, "is not a list", 'write it as ["a", "b"]')
            return ()
        for word in value:
            if not isinstance(word, str):
                self.fault(name, "holds something that is not text")
            elif word not in choices:
                self.fault(name, f"names {_shown(word)}, which is not known", suggestion(word, choices))
        return tuple(word for word in value if isinstance(word, str))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of any texts; absent is none."""
        value = self._take(name, ())
        if not isinstance(value, list | tuple) or not all(isinstance(word, str) and word for word in value):
            self.fault(name, "is not a list of texts", 'write it as ["a", "b"]')
            return ()
        return tuple(value)

    def moment(self, name: str) -> datetime | None:
        """A time with its offset; absent is None."""
        value = self._take(name, None)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                value = None
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value
        self.fault(name, "is not a time with an offset", "write it as 2026-11-01T00:00:00Z")
        return None

    def duration(self, name: str) -> timedelta:
        value = self._take(name, REQUIRED)
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found:
            return timedelta(**{_UNITS[found[2]]: int(found[1])})
        self.fault(name, "is not a length of time", 'write it as "30s", "5m", "72h" or "30d"')
        return timedelta(0)

    def table(self, name: str, *, required: bool = False) -> Table:
        value = self._take(name, REQUIRED if required else {})
        return Table.at(self._path(name), {} if value is REQUIRED else value, self.faults)

    def names(self) -> Iterator[str]:
        """The names not yet read, for tables whose keys are the merchant's own words."""
        return (name for name in self.raw if name not in self.seen)

    def done(self, known: Collection[str] = ()) -> None:
        """Every name that nobody asked for is a fault."""
        for name in self.names():
            self.fault(name, NOT_A_SETTING, suggestion(name, {*self.seen, *known}))

    def _take(self, name: str, default: Any) -> Any:
        self.seen.add(name)
        if name in self.raw:
            return self.raw[name]
        if default is REQUIRED:
            self.fault(name, "is missing")
        return default

    def _path(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


def _shown(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "...")
