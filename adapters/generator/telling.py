"""One return's history, from the shopper's request to the last refund and the last look at the goods."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from adapters.generator import beyond, catalogue, inspections, odd_stories, plots, request, rule, twins
from adapters.generator.amounts import ZERO, rounded, smallest, text
from adapters.generator.chances import PEAK, Chances
from adapters.generator.inspections import Parcel
from adapters.generator.orders import Order
from adapters.generator.plots import ARCHIVED_ORDER, PLAIN, Plot
from adapters.generator.story import BASE, Story, Told, copied, rfc3339
from adapters.generator.world import World, weighted

_METHODS = {"bank_transfer": 50, "original": 30, "store_credit": 20}


def tell(world: World, base: datetime = BASE, chances: Chances = PEAK) -> list[Story]:
    """Every return of a world's orders; the same arguments give the same stories."""
    rng = Random(f"{world.seed}/stories")
    slots: list[Order] = []
    for order in world.orders:
        if order.status != "pending" and rng.random() < chances.returned:
            slots += [order] * rng.choices([1, 2, 3], chances.returns)[0]
    cast = plots.cast(rng, slots, chances)
    left: dict[str, dict[str, int]] = {}
    refunded_shipping: set[str] = set()
    stories = []
    for order, plot in zip(slots, cast, strict=True):
        remaining = left.setdefault(order.order_id, order.left())
        start = base + timedelta(seconds=rng.randrange(0, 3 * 3600))
        teller = Teller(rng, order, plot, remaining, refunded_shipping, start, chances)
        stories.append(teller.tell())
        if plot.name == "twins":
            stories.append(twins.of(rng, stories[-1]))
    if chances.beyond_paid < 1:
        beyond.spare(Random(f"{world.seed}/beyond-paid"), stories, chances.beyond_paid)
    if chances.odd:
        odd_stories.twist(world.seed, stories, chances.odd)
    return stories


class Teller:
    """Tells one return; takes the units it sends back out of `remaining`."""

    def __init__(
        self,
        rng: Random,
        order: Order,
        plot: Plot,
        remaining: dict[str, int],
        refunded_shipping: set[str],
        start: datetime,
        chances: Chances = PEAK,
    ) -> None:
        self.chances = chances
        self.rng, self.order, self.plot = rng, order, plot
        self.remaining, self.refunded_shipping, self.clock = remaining, refunded_shipping, start
        self.version = 0
        self.parcel: Parcel | None = None
        return_id = f"{rng.getrandbits(128):032x}"
        self.story = Story(order, return_id, plot)
        self.calm = plot is PLAIN  # a twisted story has no second twist
        self.data = request.of(rng, order, plot, remaining, self.story, chances)

    # -- the whole

    def tell(self) -> Story:
        if self.plot is ARCHIVED_ORDER or (self.data["lines"] and self.plot is not PLAIN):
            self.story.tags.add(self.plot.name)
        if not self.data["lines"]:
            self._amount_only()
        elif self.data["mode"] == "instant":
            self._instant()
        else:
            self._standard()
        if self.parcel is not None:
            self.story.told += inspections.of(self.rng, self.story, self.data, self.parcel, self.chances)
        self.story.told.sort(key=lambda told: told.at)
        return self.story

    # -- the ways it goes

    def _instant(self) -> None:
        """The shopper has the money before the parcel has left."""
        rng, data = self.rng, self.data
        self._change_of_lines()
        self._extras()
        total = rule.expected(data, self.order)
        refunds = self._refunds(total) if total > 0 else []
        when = sorted(rng.choices(range(4), [70, 15, 10, 5], k=len(refunds)))
        late = self.plot.name == "cancelled-late"
        cancelled = self.calm and rng.random() < self.chances.cancelled_instant
        if len(refunds) > 1 or rng.random() < 0.5:
            data["refunds"] = copied(refunds)  # announced, not paid yet
        self._write("in_progress")
        for beat, state in enumerate(("in_progress", "shipped", "received", "")):
            if beat and not ((cancelled or late) and state != "shipped"):
                self._travel(state)
            due = [refund for refund, at in zip(refunds, when, strict=True) if at == beat]
            for refund in due:
                self._pay(refund)
        if cancelled or late:
            self._write("cancelled")
        self._aftermath()

    def _standard(self) -> None:
        """The shopper has the money once the goods are accepted."""
        rng, data = self.rng, self.data
        self._write("in_progress")
        self._change_of_lines()
        if self.calm and rng.random() < self.chances.cancelled_standard:
            self._write("cancelled")
            return
        self._travel("shipped")
        if self.plot.name == "cancelled-late":
            self._write("cancelled")
            return
        self._travel("received")
        paid = ZERO
        if len(data["lines"]) > 1 and self.calm and rng.random() < 0.3:
            # Some lines are looked at first, and paid for at once.
            data["lines"][0]["verdict"] = "accepted"
            self._write("for_review")
            paid = rule.expected(data, self.order)
            if paid > 0:
                self._pay(self._refund(paid))
        self._travel("")
        total = rule.expected(data, self.order)
        if any(rule.counted(data, line) for line in data["lines"]):
            self._extras()
            total = rule.expected(data, self.order)
            if total - max(paid, ZERO) <= 0:
                self._forget_extras()
                total = rule.expected(data, self.order)
            self._write(data["state"])
        if total - max(paid, ZERO) > 0:
            refunds = self._refunds(total - max(paid, ZERO))
            if len(refunds) > 1 or rng.random() < 0.3:
                data["refunds"] += copied(refunds)  # announced, not paid yet
                self._write(data["state"])
            for refund in refunds:
                self._pay(refund)
        self._aftermath()

    def _amount_only(self) -> None:
        """Nothing comes back: a goodwill or an adjustment, or the shipping alone."""
        rng, data = self.rng, self.data
        data["type"], data["mode"], data["replacements"] = "refund", "instant", []
        self._write("in_progress")
        shipping = self.order.shipping
        if shipping and self.order.order_id not in self.refunded_shipping and rng.random() < self.chances.shipping_only:
            self.refunded_shipping.add(self.order.order_id)
            data["shipping_refund"] = self._money(shipping)
            self._pay(self._refund(shipping))
            self.story.tags.add("shipping-only")
        else:
            self._goodwill()
        self._write("accepted")

    def _travel(self, state: str) -> None:
        """The parcel goes on; the last leg is the verdict."""
        rng, data = self.rng, self.data
        if state:
            if state == "received":
                where = data["location"] = self._warehouse()
                self._dispositions()
                self._write(state)
                self.parcel = Parcel(where, self.clock)
                return
            if rng.random() < self.chances.unknown_state:
                self._write("awaiting_courier")  # a state nobody has heard of
            self._write(state)
            return
        if rng.random() < 0.3:
            self._write("for_review")
        rejected = self.calm and rng.random() < self.chances.rejected
        for line in data["lines"]:
            if line["verdict"] == "accepted":
                continue
            line["verdict"] = "rejected" if rejected else "accepted"
            if self.calm and not rejected and rng.random() < self.chances.line_rejected and len(data["lines"]) > 1:
                line["verdict"] = "rejected"
            elif self.calm and not rejected and line["quantity"] > 1 and rng.random() < self.chances.partly_accepted:
                line["accepted_quantity"] = line["quantity"] - 1
                line["rejected_quantity"] = 1
        verdicts = {line["verdict"] for line in data["lines"]}
        whole = not any(line.get("rejected_quantity") for line in data["lines"])
        if verdicts == {"rejected"}:
            self._write("rejected")
        else:
            self._write("accepted" if verdicts == {"accepted"} and whole else "partly_accepted")
        if verdicts != {"accepted"} or not whole:
            self.story.tags.add("goods-rejected")

    def _aftermath(self) -> None:
        """What is known only later: a failed transfer, a corrected amount, a gesture of goodwill."""
        rng, data = self.rng, self.data
        paid = [refund for refund in data["refunds"] if refund["state"] == "paid"]
        if self.plot.name == "paid-then-failed" and paid:
            paid[-1]["state"] = "failed"
            self._write(data["state"])
            if rng.random() < 0.5:
                self._pay(self._refund(Decimal(paid[-1]["amount"])))
        elif self.plot.name == "amount-raised" and paid and data["shipping_refund"] == self._money(ZERO):
            if self.order.order_id not in self.refunded_shipping:
                self.refunded_shipping.add(self.order.order_id)
                data["shipping_refund"] = self._money(self.order.shipping)
                paid[-1]["amount"] = self._money(Decimal(paid[-1]["amount"]) + self.order.shipping)
                self._write(data["state"])
        elif not self._change_of_mind(paid) and self.calm and rng.random() < self.chances.goodwill:
            self._goodwill()

    def _change_of_lines(self) -> None:
        """The shopper sends back other things than first said, after the return was told."""
        if self.plot.name != "lines-changed":
            return
        rng, lines = self.rng, self.data["lines"]
        if not self.story.told:
            self._write("in_progress")
        line = rng.choice(lines)
        sold = next(one for one in self.order.lines if one.order_line_id == line["order_line_id"])
        units, left = line["quantity"], self.remaining[sold.order_line_id]
        if left and rng.random() < 0.5:
            now = units + 1
        elif len(lines) > 1 and rng.random() < 0.5:
            now = 0
            lines.remove(line)
        else:
            now = max(1, units - 1)
        self.remaining[sold.order_line_id] -= now - units
        if now == units:  # nothing else can change: it comes back for another reason
            line["reason"] = rng.choice([reason for reason in request.REASONS if reason != line["reason"]])
        elif now:
            request.count(line, sold, now, self.order.currency)
        if self.data["mode"] == "standard":
            self._write("in_progress")

    def _dispositions(self) -> None:
        """Reveni's own look at the goods, which counts where the profile says so."""
        rng, chances = self.rng, self.chances
        if not chances.dispositions or rng.random() >= chances.dispositions:
            return
        self.story.tags.add("reveni-disposition")
        for line in self.data["lines"]:
            line["disposition"] = weighted(rng, inspections.DISPOSITIONS)
            if chances.not_restocked and rng.random() < chances.not_restocked:
                line["restock"] = False
                self.story.tags.add("not-restocked")

    def _change_of_mind(self, paid: list[dict[str, Any]]) -> bool:
        """What is told otherwise once documents may have been made; whether anything was."""
        data = self.data
        match self.plot.name:
            case "amount-lowered" if paid and not data["fees"]:
                fee = catalogue.priced(Decimal("2.95"), self.order.currency)
                if Decimal(paid[-1]["amount"]) <= fee:
                    return False
                data["fees"] = [{"kind": "inspection", "amount": self._money(fee)}]
                paid[-1]["amount"] = self._money(Decimal(paid[-1]["amount"]) - fee)
            case "address-changed":
                data["customer"] = {**data["customer"], "name": "Moved House", "email": "moved@example.com"}
                data["location"] = "WH-MAN" if data.get("location", self.order.location) == "WH-LON" else "WH-LON"
            case "verdict-changed":
                self.rng.choice(data["lines"])["verdict"] = "rejected"
                whole = all(line["verdict"] == "rejected" for line in data["lines"])
                data["state"] = "rejected" if whole else "partly_accepted"
            case "refund-forgotten" if paid:
                data["refunds"] = [refund for refund in data["refunds"] if refund is not paid[-1]]
            case "failed-then-paid" if paid:
                paid[-1]["state"] = "failed"
                self._write(data["state"])
                paid[-1]["state"] = "paid"
            case _:
                return False
        self._write(data["state"])
        return True

    # -- money

    def _extras(self) -> None:
        """Fees and bonuses, and the shipping when the whole order comes back in one return."""
        rng, data = self.rng, self.data
        refunded = any(line["request"] == "return" for line in data["lines"])
        if not refunded or not self.calm:
            return
        if rng.random() < self.chances.fees:
            fee = catalogue.priced(Decimal("2.95"), self.order.currency)
            data["fees"] = [{"kind": "logistics", "amount": self._money(fee)}]
        if rng.random() < self.chances.bonuses:
            bonus = catalogue.priced(Decimal("5.00"), self.order.currency)
            data["bonuses"] = [{"kind": "store_credit", "amount": self._money(bonus)}]
        back = {line["order_line_id"]: line["quantity"] for line in data["lines"] if not line.get("component_sku")}
        whole = all(back.get(line.order_line_id) == line.quantity for line in self.order.lines)
        if (
            whole
            and self.order.shipping
            and self.order.order_id not in self.refunded_shipping
            and rng.random() < self.chances.shipping
        ):
            self.refunded_shipping.add(self.order.order_id)
            data["shipping_refund"] = self._money(self.order.shipping)
        if rule.expected(data, self.order) <= 0:
            self._forget_extras()

    def _forget_extras(self) -> None:
        self.data["fees"], self.data["bonuses"] = [], []
        if Decimal(self.data["shipping_refund"]):
            self.refunded_shipping.discard(self.order.order_id)
            self.data["shipping_refund"] = self._money(ZERO)

    def _refunds(self, total: Decimal) -> list[dict[str, Any]]:
        """The total in one to three refunds; twisted where the plot says so."""
        rng, currency = self.rng, self.order.currency
        if self.plot.name == "amount-more":
            return [self._refund(total + catalogue.priced(Decimal("5.00"), currency))]
        if self.plot.name == "amount-less" and total > catalogue.priced(Decimal("6.00"), currency):
            return [self._refund(total - catalogue.priced(Decimal("3.00"), currency))]
        pieces = rng.choices([1, 2, 3], [84, 13, 3])[0] if self.calm else 1
        parts = []
        step, left = smallest(currency), total
        for _ in range(pieces - 1):
            part = rounded(left * Decimal(rng.randint(20, 60)) / 100, currency)
            if part < step or left - part < step:
                break
            parts.append(part)
            left -= part
        return [self._refund(part) for part in [*parts, left]]

    def _refund(self, amount: Decimal, kind: str = "goods") -> dict[str, Any]:
        method = "store_credit" if self.data["bonuses"] else weighted(self.rng, _METHODS)
        if self.plot.name == "unmapped-method":
            method = "gift_token"
        return {
            "refund_id": f"rf-{self.rng.getrandbits(64):016x}",
            "kind": kind,
            "method": method,
            "amount": self._money(amount),
            "currency": self.order.currency,
            "state": "pending",
        }

    def _pay(self, refund: dict[str, Any]) -> None:
        """A refund is paid, in a version of its own; or stays pending for good."""
        if self.plot.name == "never-paid":
            if all(entry["refund_id"] != refund["refund_id"] for entry in self.data["refunds"]):
                self.data["refunds"].append(refund)
                self._write(self.data["state"])
            return
        entry = next((one for one in self.data["refunds"] if one["refund_id"] == refund["refund_id"]), None)
        if entry is None:
            entry = refund
            self.data["refunds"].append(entry)
        entry["state"] = "paid"
        entry["executed_at"] = rfc3339(self.clock + timedelta(seconds=1))
        self._write(self.data["state"])

    def _goodwill(self) -> None:
        kind = self.rng.choice(("goodwill", "adjustment"))
        amount = catalogue.priced(Decimal(self.rng.randint(200, 1500)) / 100, self.order.currency)
        self.story.tags.add(kind)
        self._pay(self._refund(amount, kind))

    # -- writing

    def _write(self, state: str) -> None:
        """Time passes, the version rises (not always by one), and the whole return is told again."""
        rng = self.rng
        again = self.plot.name == "version-repeated" and self.version and rng.random() < 0.4
        self.version += 0 if again else rng.choices([1, 2, 3], [85, 12, 3])[0]
        self.clock += timedelta(seconds=rng.randint(30, 3600))
        self.data["state"] = state
        self.data["version"] = self.version
        self.data["updated_at"] = rfc3339(self.clock)
        snapshot = copied(self.data)
        self.story.told.append(Told("reveni", self.version, self.clock, snapshot))

    def _warehouse(self) -> str:
        if self.rng.random() < 0.9:
            return self.order.location
        return "WH-MAN" if self.order.location == "WH-LON" else "WH-LON"

    def _money(self, amount: Decimal) -> str:
        return text(amount, self.order.currency)
