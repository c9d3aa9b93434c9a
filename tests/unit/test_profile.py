"""The merchant's profile: read whole or refused with every fault, and never a code that it does not have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.money import TaxInside
from streams.profile import Disposition, Item, Profile, ProfileFaults, TaxCode, Unmapped
from streams.vocabulary import Owner

DEMO = Path(__file__).parents[2] / "docker" / "profiles" / "demo.toml"
TEXT = DEMO.read_text()


@pytest.fixture(scope="module")
def profile() -> Profile:
    return Profile.from_toml(TEXT, 17)


def faults_of(text: str) -> dict[str, str]:
    with pytest.raises(ProfileFaults) as raised:
        Profile.from_toml(text, 1)
    return {fault.path: f"{fault.message} ({fault.mend})" for fault in raised.value.faults}


def test_the_demo_profile_is_read(profile: Profile) -> None:
    """Settings, policies and deadlines come out as values of their own kind."""
    ns = profile.account("ns")
    assert (profile.version, profile.merchant.mode, profile.merchant.inspection) == (17, "live", "warehouse")
    assert profile.merchant.start_from == datetime(2026, 11, 1, tzinfo=UTC)
    assert (ns.system, ns.title, ns.concurrency, ns.deadline_seconds) == ("netsuite", "NetSuite", 15, 8.0)
    assert ns.credentials["token_secret"] == "NS_TOKEN_SECRET"
    assert profile.deadlines["inspection"] == timedelta(hours=72)
    assert profile.deadlines["return_authorisation"] == timedelta(minutes=5)
    assert profile.role_accounts() == ("ns",)
    assert profile.policies.on_mismatch == "hold" and profile.policies.approval == frozenset()


def test_codes_are_looked_up_by_account(profile: Profile) -> None:
    """Each look-up gives the account's own code."""
    assert profile.sku_code("TEE-RED-M", "ns") == "4711"
    assert profile.sku_code("NOT-LISTED", "ns") == "NOT-LISTED"
    assert profile.location_code("WH-MAN", "quarantine", "ns") == "202"
    assert profile.sellable_locations("ns") == ("101", "201")
    assert profile.disposition("damaged") == Disposition("quarantine")
    assert profile.disposition("wrong_item") == Disposition(None, Owner.WAREHOUSE)
    assert profile.reason_code("too_small", "ns") == "1"
    assert profile.tax_code("GB-STD", "ns") == TaxCode("5", "20")
    assert profile.item_for("fee", "ns") == Item("902", "GB-STD")
    assert profile.refund_method("bank_transfer", "ns") == "customer_credit"
    assert profile.item_taxes("ns")["shipping"] == TaxInside("GB-STD", 1, 6)


Look = Callable[[Profile], Any]


@pytest.mark.parametrize(
    ("look", "key", "owner", "says"),
    [
        (
            lambda p: p.tax_code("DE-STD", "ns"),
            "tax_codes.DE-STD.ns",
            "finance",
            "NetSuite has no code for tax code DE-STD.",
        ),
        (
            lambda p: p.location_code("WH-X", "sellable", "ns"),
            "locations.WH-X.ns.sellable",
            "warehouse",
            "location for WH-X",
        ),
        (lambda p: p.disposition("shredded"), "dispositions.shredded", "warehouse", "goods found shredded"),
        (lambda p: p.reason_code("bored", "ns"), "reasons.bored.ns", "cx", "return reason bored"),
        (lambda p: p.refund_method("cash", "ns"), "refund_methods.cash.ns", "finance", "refunds by cash"),
        (lambda p: p.item_for("exchange", "ns"), "items.exchange.ns", "finance", "item for exchange"),
    ],
)
def test_what_is_not_mapped_is_named_and_never_guessed(
    profile: Profile, look: Look, key: str, owner: str, says: str
) -> None:
    """R17: the missing mapping has its key, its owner and a sentence; there is no default."""
    with pytest.raises(Unmapped) as missing:
        look(profile)
    assert (missing.value.key, missing.value.owner) == (key, Owner(owner))
    assert says in missing.value.sentence


def test_a_sku_is_itself_only_where_the_profile_says_so() -> None:
    """With identity off, a SKU that is not listed is unmapped, and E-commerce owns it."""
    strict = Profile.from_toml(TEXT.replace("identity = true ", "identity = false "), 1)
    assert strict.sku_code("TEE-RED-M", "ns") == "4711"
    with pytest.raises(Unmapped) as missing:
        strict.sku_code("CAP", "ns")
    assert (missing.value.key, missing.value.owner) == ("skus.CAP.ns", Owner.ECOMMERCE)


def test_an_item_whose_tax_code_is_gone_is_found_at_use() -> None:
    """Taking a tax code away leaves a profile that loads; the charge that needs it names the missing key."""
    without = Profile.from_toml(TEXT.replace('GB-ZERO = { ns = "6", rate = "0" }\n', ""), 1)
    assert "goodwill" not in without.item_taxes("ns") and "fee" in without.item_taxes("ns")
    with pytest.raises(Unmapped, match="NetSuite has no code for tax code GB-ZERO"):
        without.tax_code(without.item_for("goodwill", "ns").tax_code, "ns")


def test_the_tax_inside_an_amount_is_an_exact_fraction() -> None:
    """20 % is a sixth of the gross; a rate with a fraction stays exact."""
    assert TaxCode("5", "20").inside("A") == TaxInside("A", 1, 6)
    assert TaxCode("5", "0").inside("B") == TaxInside("B", 0, 1)
    assert TaxCode("5", "5.5").inside("C") == TaxInside("C", 11, 211)


def test_all_faults_are_told_at_once() -> None:
    """One reading names every fault by its path, with a way to mend it."""
    broken = (
        TEXT.replace('time_zone = "Europe/London"', 'time_zone = "Europe/Lodnon"')
        .replace('order_desk = "ns"', 'order_desk = "nss"')
        .replace("deadline_seconds = 8", "deadline_seconds = 9")
        .replace("http://127.0.0.1:8600", "http://erp.example.com")
        .replace('"NS_TOKEN_SECRET"', '"s3cr3t-Value"')
        .replace('rate = "20"', "rate = 20.0")
        .replace("on_mismatch", "on_mismach")
        .replace('inspection = "72h"', 'inspection = "3 days"')
        .replace("too_small = { ns", "too_small = { sn")
        .replace('quarantine = "102"', 'quarantine = "101"')
        .replace('missing = { to = "nothing" }', 'missing = { to = "nothing", hold = "cx" }')
        .replace("shipping = {", "shiping = {")
        .replace("minor_units_per_line = 1", "minor_units_per_line = -1")
        .replace("approval = []", 'approval = ["credit_notes"]')
        + "\n[surprise]\nx = 1\n"
    )
    faults = faults_of(broken)
    assert faults.keys() == {
        "merchant.time_zone",
        "roles.order_desk",
        "accounts.ns.deadline_seconds",
        "accounts.ns.base_url",
        "accounts.ns.credentials.token_secret",
        "tax_codes.GB-STD.rate",
        "policies.on_mismach",
        "deadlines.inspection",
        "reasons.too_small.sn",
        "locations.WH-LON.ns.quarantine",
        "dispositions.missing",
        "items.shiping",
        "tolerances.minor_units_per_line",
        "policies.approval",
        "surprise",
    }
    assert "did you mean on_mismatch?" in faults["policies.on_mismach"]
    assert "did you mean shipping?" in faults["items.shiping"]
    assert "did you mean credit_note?" in faults["policies.approval"]
    assert "did you mean ns?" in faults["roles.order_desk"]
    assert "s3cr3t" not in str(faults)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", "merchant"),
        ("merchant = 3", "merchant"),
        ("[merchant", "(file)"),
        ("a = " + "[" * 3000, "(file)"),
        (TEXT.replace("start_from = 2026-11-01T00:00:00Z", "start_from = 2026-11-01T00:00:00"), "merchant.start_from"),
        (TEXT.replace("concurrency = 15", "concurrency = nan"), "accounts.ns.concurrency"),
        (TEXT.replace("concurrency = 15", "concurrency = true"), "accounts.ns.concurrency"),
        (TEXT.replace("read_lag_seconds = 2 ", "read_lag_seconds = inf "), "accounts.ns.read_lag_seconds"),
        (TEXT.replace("[accounts.ns", "[accounts.NS"), "accounts.NS"),
        (TEXT.replace('"http://127.0.0.1:8600/netsuite"', '"https://u:p@host/x"'), "accounts.ns.base_url"),
        (TEXT.replace("calls_per_window = 0", "calls_per_window = 10"), "accounts.ns.window_seconds"),
        (TEXT.replace('"101"', '""'), "locations.WH-LON.ns.sellable"),
        (TEXT.replace("approval = []", "approval = [[]]"), "policies.approval"),
    ],
)
def test_a_profile_with_a_fault_is_refused(text: str, path: str) -> None:
    """Nothing of it is used, and the fault stands at its path."""
    assert path in faults_of(text)


@pytest.mark.parametrize(
    "url", ["http://localhost:1/x", "http://[::1]:2", "http://127.8.9.1", "https://erp.example.com/"]
)
def test_plain_http_is_for_this_machine_only(url: str) -> None:
    """Loopback may be plain; every other host needs https."""
    read = Profile.from_toml(TEXT.replace("http://127.0.0.1:8600/netsuite", url), 1)
    assert read.account("ns").base_url == url.rstrip("/")


def test_a_profile_goes_through_its_record(profile: Profile) -> None:
    """The record is canonical, and what is read back is the same profile."""
    record = profile.to_record()
    again = Profile.from_record(record)
    assert again == profile and again.to_record() == record
    assert b"2026-11-01T00:00:00+00:00" in record


def test_a_record_of_a_newer_program_is_read_and_kept(profile: Profile) -> None:
    """Settings this program does not know are passed over, and stay in the record when it is written again."""
    raw = orjson.loads(profile.to_record())
    raw["profile"]["policies"]["weather"] = "sunny"
    raw["profile"]["accounts"]["ns"]["colour"] = "blue"
    read = Profile.from_record(orjson.dumps(raw))
    assert read == profile and orjson.loads(read.to_record()) == raw


@pytest.mark.parametrize(
    "record",
    [
        *(b"", b"{", b"[]", b"null", b"{}", b'{"format":1}', b'{"format":1,"version":true}'),
        *(b'{"format":2,"version":1}', b'{"format":1,"version":1,"profile":null}', b"\xff"),
        b'{"format":1,"version":1,"profile":{"merchant":[]}}',
    ],
)
def test_what_is_no_profile_record_is_refused(record: bytes) -> None:
    """A bad record is a `ValueError` with its faults, never another error."""
    with pytest.raises(ProfileFaults):
        Profile.from_record(record)
    assert issubclass(ProfileFaults, ValueError)


def test_a_profile_cannot_be_changed(profile: Profile) -> None:
    """Neither a field nor a table of a published version takes a new value."""
    with pytest.raises(AttributeError):
        profile.version = 18  # type: ignore[misc]
    with pytest.raises(TypeError):
        profile.reasons["new"] = {}  # type: ignore[index]
