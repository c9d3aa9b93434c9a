"""The simulation's judges: what must hold all the time, and what must hold once everything has come to rest.

They stand outside: what was sent and answered, every record of the log, every line of the vendor's ledger. The
product's word is taken for nothing that these can tell.
"""

from tests.simulation.checks.position import Position, differences, net_position
from tests.simulation.checks.watch import Watch

__all__ = ["Position", "Watch", "differences", "net_position"]
