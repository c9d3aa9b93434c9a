"""The gate: one for each account, between the dispatcher and the vendor."""

from agents.gate.dead_ratio import DeadRatio, Stop
from agents.gate.gate import Gate, Slot
from agents.gate.settings import GateSettings, GateSnapshot, GateTotals

__all__ = ["DeadRatio", "Gate", "GateSettings", "GateSnapshot", "GateTotals", "Slot", "Stop"]
