"""A webhook is taken only if one of the secrets signed its raw body, whatever scheme the sender uses."""

import base64
import hashlib
import hmac

import pytest

from adapters.gateway.signatures import SignatureScheme, sign, verify

BODY = b'{"id":"e1"}'
NOW = 1_800_000_000.0
HEX = SignatureScheme("X-Reveni-Signature")
BASE64 = SignatureScheme("X-Signature", encoding="base64")
PREFIXED = SignatureScheme("X-Signature", prefix="sha256=")
TIMESTAMPED = SignatureScheme("X-Signature", timestamped=True)
TIMESTAMPED_BASE64 = SignatureScheme("X-Signature", encoding="base64", timestamped=True)
SCHEMES = [HEX, BASE64, PREFIXED, TIMESTAMPED, TIMESTAMPED_BASE64]


def digest(secret: bytes = b"s1", body: bytes = BODY) -> bytes:
    """The digest by the book, not by the code under test."""
    return hmac.new(secret, body, hashlib.sha256).digest()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_a_sender_signs_is_taken(scheme: SignatureScheme) -> None:
    """Each scheme takes its own signature and refuses it for another body, secret or scheme's secret list."""
    header = sign(scheme, b"s1", BODY, NOW)
    assert verify(scheme, [b"s1"], [header], BODY, NOW)
    assert not verify(scheme, [b"s1"], [header], BODY + b" ", NOW)
    assert not verify(scheme, [b"s2"], [header], BODY, NOW)


@pytest.mark.parametrize(
    ("scheme", "header"),
    [
        (HEX, digest().hex()),
        (HEX, digest().hex().upper()),
        (BASE64, base64.b64encode(digest()).decode()),
        (PREFIXED, "sha256=" + digest().hex()),
        (PREFIXED, digest().hex()),
        (TIMESTAMPED, f"t=1800000000,v1={digest(body=b'1800000000.' + BODY).hex()}"),
        (TIMESTAMPED, f"t=1800000000, v0=ff, v1={'0' * 64}, v1={digest(body=b'1800000000.' + BODY).hex()}"),
    ],
)
def test_known_signatures(scheme: SignatureScheme, header: str) -> None:
    """Signatures made by the standard library alone are taken."""
    assert verify(scheme, [b"s1"], [header], BODY, NOW)


def test_every_secret_of_a_rotation_is_taken() -> None:
    """Old and new secret both sign while a rotation lasts."""
    for secret in (b"old", b"new"):
        assert verify(HEX, [b"new", b"old"], [sign(HEX, secret, BODY, NOW)], BODY, NOW)


@pytest.mark.parametrize(
    "presented",
    [
        [],
        [digest().hex(), digest().hex()],
        [digest().hex() + "," + digest().hex()],
        [""],
        ["sha256=" + digest().hex()],
        [digest().hex()[:-1]],
        [digest().hex() + "00"],
        [" ".join([digest().hex()[:32], digest().hex()[32:]])],
        [digest().hex()[:-1] + "é"],
        ["\udcff" * 64],
        ["٣" * 64],
        [digest().hex() + "\n"],
        [base64.b64encode(digest()).decode()],
    ],
)
def test_anything_but_one_well_formed_value_is_refused(presented: list[str]) -> None:
    """No header, two headers, and every near miss are unsigned, and none of them raises."""
    assert not verify(HEX, [b"s1"], presented, BODY, NOW)


def test_no_secret_signs_nothing() -> None:
    """An empty list of secrets, or an empty secret, opens no door."""
    header = sign(HEX, b"", BODY, NOW)
    assert not verify(HEX, [], [header], BODY, NOW)
    assert not verify(HEX, [b""], [header], BODY, NOW)


@pytest.mark.parametrize("age", [301, -301])
def test_an_old_or_future_timestamp_is_refused(age: int) -> None:
    """A signature outside the tolerance is a replay."""
    header = sign(TIMESTAMPED, b"s1", BODY, NOW - age)
    assert not verify(TIMESTAMPED, [b"s1"], [header], BODY, NOW)
    assert verify(TIMESTAMPED, [b"s1"], [header], BODY, NOW - age)


@pytest.mark.parametrize(
    "shape",
    [
        "v1={signature}",
        "t=1800000000",
        "t=1800000000,t=1800000000,v1={signature}",
        "t=+1800000000,v1={signature}",
        "t=1_800_000_000,v1={signature}",
        "t=9e99,v1={signature}",
        "t=99999999999999999999999,v1={signature}",
        "t=1800000000," + ",".join(["v1=" + "0" * 64] * 20) + ",v1={signature}",
    ],
)
def test_a_timestamp_header_out_of_shape_is_refused(shape: str) -> None:
    """The timestamped scheme wants one plain `t` and a few `v1`."""
    signature = digest(body=b"1800000000." + BODY).hex()
    assert not verify(TIMESTAMPED, [b"s1"], [shape.format(signature=signature)], BODY, NOW)
