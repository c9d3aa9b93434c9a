"""What a NetSuite account may be told in the profile: checked at load, refused in words, and used."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters import runtime
from adapters.acts.publishing import read
from adapters.cli.doctor import read_profile
from adapters.cli.main import app
from adapters.netsuite.adapter import NetSuite
from adapters.netsuite.documents import request_for
from adapters.netsuite.options import AccountSettings, CustomFields
from adapters.netsuite.proof import differences, document_of, is_reversal, may_be_adopted
from adapters.netsuite.questions import order_answer
from adapters.registry import read_published, system
from adapters.settings import Settings
from streams.adapter import Refused
from streams.profile import Profile, ProfileFaults
from streams.vocabulary import DocumentKind, ErrorKind
from tests.unit.netsuite_commands import authorisation, command, note, receipt, reversal, standalone_note, tee

DEMO = (Path(__file__).parents[2] / "docker" / "profiles" / "demo.toml").read_text()
HEAD, _, REST = DEMO.partition("[accounts.ns.options]")
TAIL = REST[REST.index("[locations.WH-LON]") :]
BARE = AccountSettings(fields=CustomFields.none())


def profile_with(options: str) -> str:
    return f"{HEAD}{options}\n{TAIL}"


def faults_of(options: str) -> dict[str, str]:
    with pytest.raises(ProfileFaults) as raised:
        read(profile_with(options), 1)
    return {fault.path: f"{fault.message} ({fault.mend})" for fault in raised.value.faults}


def settings_of(options: str) -> AccountSettings:
    """What the adapter of the account is made with, through the registry as a dispatcher does it."""
    profile = read(profile_with(options), 1)
    secrets = dict.fromkeys(profile.account("ns").credentials, "x")
    made = system("netsuite").adapter(profile.document["accounts"]["ns"], secrets, profile.merchant.time_zone)
    assert isinstance(made, NetSuite)
    return made._settings


def test_every_option_reaches_the_adapter() -> None:
    """None of them is read and then forgotten."""
    settings = settings_of(
        """
        [accounts.ns.options]
        time_zone = "Europe/Madrid"
        currencies = { GBP = "1", EUR = 4 }
        receivable_account = "1100"
        returns_account = 4000
        [accounts.ns.options.fields]
        order_line_id = "custcol_shop_line"
        return_reason = "custcol_why"
        list_price = "custcol_list"
        refund_method = "custbody_how"
        reverses = ""
        """
    )
    assert settings.time_zone.key == "Europe/Madrid"
    assert settings.currencies == {"GBP": "1", "EUR": "4"}
    assert (settings.receivable_account, settings.returns_account) == ("1100", "4000")
    assert settings.fields == CustomFields("custcol_shop_line", "custcol_why", "custcol_list", "custbody_how", "")


def test_without_options_the_merchants_time_zone_counts_and_nothing_else_changes() -> None:
    """C15: a document is dated in the merchant's days."""
    settings = settings_of("")
    assert settings.time_zone.key == "Europe/London"
    assert (settings.receivable_account, settings.returns_account) == ("119", "54")
    assert settings.fields == CustomFields()
    assert dict(settings.currencies) == {}


@pytest.mark.parametrize(
    ("executed", "day"),
    [
        ("2026-06-30T23:30:00Z", "2026-07-01"),
        ("2026-06-30T22:59:59Z", "2026-06-30"),
        ("2026-12-31T23:30:00Z", "2026-12-31"),
        ("2026-07-01T00:30:00+02:00", "2026-06-30"),
    ],
)
def test_a_document_is_dated_in_the_merchants_day(executed: str, day: str) -> None:
    """C15: half an hour before midnight in UTC is the next day, and the next month, in a London summer."""
    request = request_for(standalone_note("7", tee(amount="5.00"), amount="5.00", date=executed), settings_of(""))
    assert request.body["tranDate"] == day


def test_a_time_without_an_offset_is_one_of_utc_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own zone decides nothing."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert settings_of("").day("2026-06-30T23:30:00").isoformat() == "2026-07-01"
        assert settings_of("").day("2026-06-30T22:30:00").isoformat() == "2026-06-30"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "moment",
    [
        "27/11/2026 09:30",
        "1764236400",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "",
        "now",
        "0001-06-01T00:00:00Z",
        "1969-12-31T12:00:00Z",
        "2200-01-01T12:00:00Z",
        "9999-12-30T12:00:00Z",
        None,
        1764236400,
    ],
)
def test_a_time_that_is_none_is_invalid_and_nothing_else(moment: Any) -> None:
    """A1: the command is refused with its reason; no other kind of exception leaves the adapter."""
    for fine, day in (("1970-01-01T12:00:00Z", "1970-01-01"), ("2199-12-31T12:00:00Z", "2199-12-31")):
        assert settings_of("").day(fine).isoformat() == day
    with pytest.raises(Refused) as refusal:
        request_for(standalone_note("7", tee(amount="5.00"), amount="5.00", date=moment), settings_of(""))
    assert refusal.value.kind is ErrorKind.INVALID


@pytest.mark.parametrize(
    ("options", "path", "told"),
    [
        ('[accounts.ns.options]\ntimezone = "UTC"', "timezone", "is not a setting (did you mean time_zone?)"),
        ('[accounts.ns.options]\ntime_zone = "Mars"', "time_zone", "is 'Mars', not a time zone"),
        ("[accounts.ns.options]\ntime_zone = true", "time_zone", "is not text"),
        ('[accounts.ns.options]\ntime_zone = ""', "time_zone", "is empty"),
        ('[accounts.ns.options]\ncurrencies = "GBP"', "currencies", "is not a table"),
        ('[accounts.ns.options]\ncurrencies = { gbp = "1" }', "currencies.gbp", "is not the code of a currency"),
        ('[accounts.ns.options]\ncurrencies = { GBP = "1", EUR = "1" }', "currencies.EUR", "has the id '1' of another"),
        ("[accounts.ns.options]\ncurrencies = { GBP = [] }", "currencies.GBP", "is not text"),
        ("[accounts.ns.options]\nreceivable_account = 1.5", "receivable_account", "is not text"),
        ('[accounts.ns.options]\nreturns_account = " "', "returns_account", "is empty"),
        ('[accounts.ns.options.fields]\norder_line = ""', "fields.order_line", "did you mean order_line_id?"),
        ('[accounts.ns.options.fields]\nreverses = "amount"', "fields.reverses", "is 'amount', not a custom field"),
        ('[accounts.ns.options.fields]\nlist_price = "custbody_x"', "fields.list_price", "(custcol_...;"),
        ('[accounts.ns.options.fields]\nreverses = "custcol_x"', "fields.reverses", "(custbody_...;"),
        ("[accounts.ns.options.fields]\nreverses = false", "fields.reverses", "is not text"),
        (
            '[accounts.ns.options.fields]\nlist_price = "custcol_order_line_id"',
            "fields.list_price",
            "which stands for something else already",
        ),
    ],
)  # fmt: skip
def test_a_faulty_option_is_named_with_what_is_wrong(options: str, path: str, told: str) -> None:
    """C15: where it stands, what is wrong with it, and how to mend it."""
    faults = faults_of(options)
    assert list(faults) == [f"accounts.ns.options.{path}"]
    assert told in faults[f"accounts.ns.options.{path}"]


def test_options_that_are_read_by_themselves_name_their_faults_too() -> None:
    """As the adapter reads them from a published record: a name it does not know may be a newer program's."""
    with pytest.raises(ProfileFaults) as raised:
        AccountSettings.read({"time_zone": "Mars", "returns_account": [], "newer": 1})
    assert [fault.path for fault in raised.value.faults] == ["options.time_zone", "options.returns_account"]
    with pytest.raises(ProfileFaults, match=r"^options: is not a table"):
        AccountSettings.read("none")
    assert AccountSettings.read({"newer": 1}) == AccountSettings()


def test_all_faults_of_an_accounts_options_are_told_at_once() -> None:
    """As everywhere in the profile."""
    faults = faults_of('[accounts.ns.options]\ntime_zone = "Mars"\ncurrency = 1\nreturns_account = false')
    assert set(faults) == {f"accounts.ns.options.{name}" for name in ("time_zone", "currency", "returns_account")}


FAULTY = profile_with('[accounts.ns.options]\ntime_zone = "Europe/Londn"')


def test_publish_config_check_and_doctor_refuse_a_faulty_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the ways in which a person meets a profile says the same."""
    file = tmp_path / "profile.toml"
    file.write_text(FAULTY)
    monkeypatch.setenv("REVENI_STREAMS_PROFILE", str(file))
    monkeypatch.setenv("REVENI_STREAMS_WEBHOOK_SECRET_REVENI", "whsec_" + "a" * 32)
    monkeypatch.setenv("REVENI_STREAMS_WEBHOOK_SECRET_WAREHOUSE", "whsec_" + "b" * 32)
    sentence = "accounts.ns.options.time_zone: is 'Europe/Londn', not a time zone"
    run = CliRunner()
    published = run.invoke(app, ["profile", "publish", str(file), "--yes"])
    assert published.exit_code == 1 and sentence in published.output
    checked = run.invoke(app, ["config", "check"])
    assert checked.exit_code == 1 and sentence in checked.output
    profile, (finding,) = read_profile(Settings())
    assert profile is None
    assert finding.result == "failed" and sentence in finding.detail
    file.write_text(DEMO)
    checked = run.invoke(app, ["config", "check"])
    assert (checked.exit_code, checked.output) == (0, "The settings are fine.\n")
    profile, (finding,) = read_profile(Settings())
    assert profile is not None and (finding.check, finding.result) == ("profile", "ok")


def test_a_published_profile_with_a_faulty_option_is_not_used() -> None:
    """Workers pass it over, and say why."""
    profile = Profile.from_toml(profile_with('[accounts.ns.options]\ntime_zone = "Europe/Londn"'), 3)
    with pytest.raises(ProfileFaults, match=r"accounts\.ns\.options\.time_zone: is 'Europe/Londn'"):
        read_published(profile.to_record())


def test_a_dispatcher_starts_with_an_option_of_a_newer_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a newer program wrote beside is passed over, as everywhere in a published profile."""
    record = Profile.from_toml(profile_with('[accounts.ns.options]\na_newer_programs = "option"'), 3).to_record()

    async def newest(*_: Any) -> Profile:
        return read_published(record)

    monkeypatch.setattr(runtime, "newest_profile", newest)
    monkeypatch.setattr(runtime, "cluster_of", lambda *_: "cluster")
    for variable in read_published(record).account("ns").credentials.values():
        monkeypatch.setenv(variable, "x")
    monkeypatch.setattr("agents.dispatcher.app.build", lambda settings, adapter: adapter())
    made = runtime.build_dispatcher(Settings(), "ns")
    assert made._settings.time_zone.key == "Europe/London"


# An account without any custom field of ours.


def test_without_custom_fields_none_is_written() -> None:
    """NetSuite may refuse a request that names a field it does not have."""
    assert {getattr(BARE.fields, field.name) for field in dataclasses.fields(BARE.fields)} == {""}
    wanted = (
        authorisation("55", tee(reason="1")),
        note("60", tee(amount="40.00", tax="6.67"), amount="40.00"),
        receipt("60"),
        reversal("900", "5.00"),
        standalone_note("7", tee(amount="5.00"), amount="5.00"),
    )
    for made in wanted:
        assert "custcol" in (said := repr(request_for(made, AccountSettings()).body)) or "custbody" in said
        assert "cust" not in repr(request_for(made, BARE).body).replace("customer_credit", "")


def test_without_custom_fields_none_is_read() -> None:
    """An empty name names nothing, not even a field without a name."""
    row = {
        "line": 1, "item": {"id": "4711", "refName": "TEE-RED-M"}, "quantity": 1, "grossAmt": 40, "tax1Amt": 6.67,
        "custcol_order_line_id": "ol1", "": "ol9",
    }  # fmt: skip
    order = {"id": "55", "otherRefNum": "5001", "currency": {"refName": "GBP"}, "item": {"items": [row]}}
    told = {}
    for settings in (AccountSettings(), BARE):
        answer = order_answer("now", order, customer=None, items={}, authorisations=[], invoices=[], settings=settings)
        told[settings.fields.order_line_id] = answer["lines"][0]["order_line_id"]
    assert told == {"custcol_order_line_id": "ol1", "": ""}
    assert "order_line_id" not in document_of(DocumentKind.CREDIT_NOTE, order, BARE).lines[0]


def test_a_reversal_is_known_without_a_field_that_names_its_memo() -> None:
    """By `createdFrom`; where the account does not show that either, by its external id and order."""
    made = reversal("900", "5.00")
    journal = {
        "id": "1", "externalId": made.id, "otherRefNum": "5001", "currency": {"refName": "GBP"},
        "line": {"items": [{"debit": 5, "account": {"id": "119"}}, {"credit": 5, "account": {"id": "54"}}]},
    }  # fmt: skip
    assert differences(made, journal, BARE) == ()
    assert differences(made, journal, AccountSettings()) == ("reversed credit memo is empty, 900 was asked",)
    assert differences(made, {**journal, "createdFrom": {"id": "901"}}, BARE) == (
        "reversed credit memo is 901, 900 was asked",
    )
    assert is_reversal(journal, BARE) and not is_reversal(journal, AccountSettings())
    for missing in ("externalId", "otherRefNum"):
        assert not is_reversal({**journal, missing: None}, BARE)
    adopting = command(made.kind, dict(made.body), "rf1", adopt_since="2026-11-20T00:00:00Z")
    by_hand = {**journal, "externalId": None, "tranDate": "2026-11-27"}
    assert not may_be_adopted(adopting, by_hand, BARE), "nothing says which memo it takes back"
    assert may_be_adopted(adopting, {**by_hand, "createdFrom": {"id": "900"}}, BARE)
