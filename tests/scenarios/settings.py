"""How the scenarios are set up: the demo's profile with short times, a quick simulator, locations and stock."""

from __future__ import annotations

from pathlib import Path

DEMO_PROFILE = Path(__file__).parents[2] / "docker" / "profiles" / "demo.toml"

# Short times, so that doubt about a call ends soon; the simulator keeps to the same.
CHANGES = (
    ("http://127.0.0.1:8600", "{simulators}"),
    ("deadline_seconds = 8", "deadline_seconds = 2"),
    ("longest_execution_seconds = 10", "longest_execution_seconds = 1"),
    ("read_lag_seconds = 2", "read_lag_seconds = 0.5"),
)
SIMULATORS = {
    "netsuite": {
        "settings": {
            "latency_ms": [0, 5],
            "late_apply_max_seconds": 1,
            "read_lag_seconds": 0.5,
            "hold_seconds": 10,
        }
    }
}
SEEDS = {
    "locations": [
        {"account": "ns", "id": number, "sellable": number.endswith("1")}
        for number in ("101", "102", "109", "201", "202", "209")
    ],
    "stock": [{"account": "ns", "sku": "TEE-RED-L", "location": "101", "available": 1000}],
}


def profile_text() -> str:
    text = DEMO_PROFILE.read_text()
    for old, new in CHANGES:
        assert old in text, old
        text = text.replace(old, new)
    return text
