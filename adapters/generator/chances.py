"""How often each thing happens in the stories: those of a peak season, and whatever else a caller asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


def _weights(**weights: float) -> Mapping[str, float]:
    return weights


@dataclass(frozen=True, slots=True)
class Chances:
    """Shares between 0 and 1, and weights. What is 0 draws no die, so that a new chance leaves old seeds alone."""

    # the orders
    statuses: Mapping[str, float] = field(
        default_factory=lambda: _weights(fulfilled=88, closed=8, archived=1, pending=3)
    )
    currencies: Mapping[str, float] = field(default_factory=lambda: _weights(GBP=86, EUR=9, JPY=3, KWD=2))
    quantities: tuple[int, int, int] = (72, 20, 8)  # weights of 1, 2 and 3 units on a line
    bundle: float = 0.06
    archived_line: float = 0.015
    line_total: float = 0.025
    settled: float = 0.6  # of invoices
    # the request
    returned: float = 0.7  # of orders
    returns: tuple[int, int, int] = (80, 15, 5)  # weights of 1, 2 and 3 returns of an order
    types: Mapping[str, float] = field(default_factory=lambda: _weights(refund=72, exchange=14, mixed=14))
    instant: float = 0.6
    no_lines: float = 0.03
    everything: float = 0.35
    component: float = 0.6  # of the lines that are bundles
    several_of_a_part: float = 0.0  # of those parts: one that is in the bundle more than once, all of its units
    cheaper: float = 0.2  # of replacements
    ordered_already: float = 0.02  # a replacement carries its `order_ref`
    numeric_id: float = 0.02
    unknown_field: float = 0.03
    # how it goes
    twisted: float = 0.0  # of returns, by any plot that fits; 0: each plot by its own share
    plots: float = 1.0  # times its own share, of the plots that need a person; below 1 a plot may not come at all
    cancelled_instant: float = 0.04
    cancelled_standard: float = 0.06
    unknown_state: float = 0.02
    rejected: float = 0.03
    line_rejected: float = 0.03
    partly_accepted: float = 0.15  # of lines of several units
    fees: float = 0.25
    bonuses: float = 0.10
    shipping: float = 0.7  # of returns of everything
    shipping_only: float = 0.3  # of returns without lines
    goodwill: float = 0.04
    beyond_paid: float = 1.0  # of the adjustments that bring refunds above what was paid; the others are goodwill
    dispositions: float = 0.0  # of returns whose lines carry Reveni's own disposition once they are received
    not_restocked: float = 0.0  # of those lines: `restock` is false
    # the warehouse
    never_inspected: float = 0.05  # of lines
    corrected: float = 0.08  # of inspections
    # what is told oddly, of the stories (or orders) that it fits: by the names of `odd_stories` and `odd_orders`
    odd: Mapping[str, float] = field(default_factory=dict)


_ODD = (
    "days-apart",
    "discount",
    "discount-rows",
    "executed-at-missing",
    "executed-near-midnight",
    "fields-omitted",
    "handling",
    "ids-above-64-bits",
    "no-line-ids",
    "one-sku-at-two-prices",
    "one-sku-twice",
    "part-bought-alone",
    "part-of-the-shipping",
    "refund-state-unknown",
    "restock-said-once",
    "returned-before",
    "rows-that-sell-nothing",
    "service",
    "several-invoices",
    "two-kits",
    "two-replacements",
)
_ODD_TROUBLE = (  # for a person
    "executed-at-unreadable",
    "refund-id-twice",
    "refund-without-id",
    "shipping-asked-for-again",
)
PEAK = Chances()
_PEAK_PERCENT = 17.5  # of a peak's returns need a person (measured over 1,600 orders of four seeds)


def troubled(percent: float) -> Chances:
    """A peak in which about so many percent of the returns need a person."""
    times = percent / _PEAK_PERCENT
    return replace(
        PEAK,
        statuses={**PEAK.statuses, "archived": PEAK.statuses["archived"] * times},
        archived_line=PEAK.archived_line * times,
        plots=times,
        rejected=PEAK.rejected * times,
        line_rejected=PEAK.line_rejected * times,
        partly_accepted=min(1.0, PEAK.partly_accepted * times),
        beyond_paid=min(1.0, PEAK.beyond_paid * times),
        several_of_a_part=0.2,
        odd=dict.fromkeys(_ODD, 0.01) | dict.fromkeys(_ODD_TROUBLE, min(1.0, 0.005 * times)),
    )
