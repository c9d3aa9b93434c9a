"""What can go wrong with a broker; each docstring is the message."""

from __future__ import annotations


class BrokerError(Exception):
    """Base of what a broker, or the lack of one, can do to us."""


class BrokerNotReady(BrokerError):
    """The broker did not answer a metadata request within the time allowed."""


class BrokerUnreachable(BrokerError):
    """No broker answers at the configured address."""


class NoBrokerHere(BrokerError):
    """This way of getting a broker is not possible on this machine; the message says what is missing."""
