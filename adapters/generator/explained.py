"""Open exceptions against what explains them: the stories, the hostile bodies, and the faults put into the ERP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.generator.causes import Cause
from adapters.generator.deliveries import Delivery

# What a fault can leave behind for a person, by the fault of the call that met it. A throttle, an outage, a call that
# is slow, cut off, applied late or lost is overcome without anybody, and so is a killed worker: they explain nothing.
_BY_FAULT: Mapping[str, str] = {"refuse": "refused", "wrong-amount": "mismatch"}
HOSTILE = "a hostile message"


class Explained:
    """Why exceptions are open: one word each, and an empty one for what nothing calls for.

    `sent`: a delivery stands there once for each attempt at it.
    """

    def __init__(self, causes: Iterable[Cause], sent: Iterable[Delivery], faults: Iterable[Mapping[str, Any]]) -> None:
        self._causes: dict[str, list[Cause]] = {}
        for cause in causes:
            self._causes.setdefault(cause.order_id, []).append(cause)
        poison = [one for one in sent if one.sort == "poison"]
        self._hostile = {one.body for one in poison}
        self._nameless = len(poison)  # one letter for each time that such a body may have been stored
        self._faults: dict[tuple[str, str], set[str]] = {}
        for call in faults:
            met = (str(call.get("order_id") or ""), str(call.get("kind") or ""))
            self._faults.setdefault(met, set()).add(str(call["fault"]))

    def all(self, exceptions: Sequence[Mapping[str, Any]]) -> list[str]:
        """One word for each row of `exceptions --json`, in their order."""
        nameless = self._nameless
        words = []
        for entry in exceptions:
            if entry.get("order_id"):
                words.append(self._one(entry))
            else:
                words.append(HOSTILE if nameless and entry.get("owner") == "engineering" else "")
                nameless -= bool(words[-1])
        return words

    def _one(self, entry: Mapping[str, Any]) -> str:
        order_id, step = str(entry["order_id"]), str(entry.get("step") or "")
        for cause in self._causes.get(order_id, ()):
            if cause.explains(entry):
                return cause.why
        for fault in sorted(self._faults.get((order_id, step), ())):
            if entry.get("kind") == _BY_FAULT.get(fault):
                return f"injected fault ({fault})"
        # What is decoded badly names its order at most; what can be read is about the return of the body.
        name = str(entry.get("return_id") or order_id).encode()
        return HOSTILE if any(name in body for body in self._hostile) else ""
