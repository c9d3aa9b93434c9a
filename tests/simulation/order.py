"""I6: the same history in another order of arrival, with nothing going wrong."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.simulation.plan import Act, Corrupt, Operate, Plan, Publish, VendorFault, Webhook

EVERY = 4  # seeds of which one is run a second time, where the plan allows it
_LEAVES_A_MARK = frozenset({"refuse", "accept-and-lose", "wrong-amount"})


def another(plan: Plan) -> Plan | None:
    """The plan with its deliveries in another order and no faults; None where what goes wrong changes what is right.

    A vendor that refuses, lies or loses, an operator, a rotten record or a new profile in mid-flow leave their mark on
    the net position, and on which of two states a document was made.
    """
    if plan.seed % EVERY or any(map(_leaves_a_mark, plan.acts)) or plan.profile["merchant"].get("mode") == "shadow":
        return None
    dice = Random(f"{plan.seed}/order")
    webhooks = [act for act in plan.acts if isinstance(act, Webhook)]
    moments = [act.at for act in webhooks]
    dice.shuffle(moments)
    moved = [replace(act, at=moment) for act, moment in zip(webhooks, moments, strict=True)]
    return replace(plan, acts=tuple(sorted(moved, key=lambda act: (act.at, act.number))))


def _leaves_a_mark(act: Act) -> bool:
    if isinstance(act, VendorFault):
        return str(act.rule["fault"]) in _LEAVES_A_MARK
    return isinstance(act, Operate | Corrupt | Publish)
