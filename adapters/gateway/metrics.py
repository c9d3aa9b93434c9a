"""What the gateway measures; one registry per server."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class GatewayMetrics:
    """The gateway's series. Labels are closed sets: a source's name, a status code, a reason."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "reveni_streams_gateway_requests_total",
            "Requests answered; source `none` is a route nobody has, status 499 a sender who left before the answer.",
            ["source", "status"],
            registry=self.registry,
        )
        self.bytes = Counter(
            "reveni_streams_gateway_bytes_total", "Bytes of bodies stored.", ["source"], registry=self.registry
        )
        self.store_seconds = Histogram(
            "reveni_streams_gateway_store_seconds",
            "From handing an event to the producer to the brokers' acknowledgement.",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5),
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "reveni_streams_gateway_requests_in_flight", "Requests taken and not answered.", registry=self.registry
        )
        self.reading_bytes = Gauge(
            "reveni_streams_gateway_reading_bytes", "Bytes of bodies held for requests.", registry=self.registry
        )
        self.outstanding_bytes = Gauge(
            "reveni_streams_gateway_outstanding_bytes",
            "Bytes handed to the broker and not acknowledged.",
            registry=self.registry,
        )
        self.unavailable = Counter(
            "reveni_streams_gateway_unavailable_total",
            "Why events were turned away.",
            ["reason"],
            registry=self.registry,
        )
        self.producers = Counter(
            "reveni_streams_gateway_producers_total",
            "Producers started; more than one means a renewal.",
            registry=self.registry,
        )
