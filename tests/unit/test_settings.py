"""Settings: what is wrong, where, and how to mend it; and secrets that are never printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.cli.main import app
from adapters.settings import Settings, SettingsFaults

SECRET = "s3cret-value"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the machine, and no .env, has a part in these tests."""
    import os

    for name in list(os.environ):
        if name.startswith("REVENI_STREAMS_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PARTITIONS", "many", "REVENI_STREAMS_PARTITIONS"),
        ("PARTITIONS", "0", "REVENI_STREAMS_PARTITIONS"),
        ("REPLICATION", "0", "REVENI_STREAMS_REPLICATION"),
        ("KAFKA", f"kafka://me:{SECRET}@host:9092", "REVENI_STREAMS_KAFKA: write host:port"),
        ("KAFKA", "host", "REVENI_STREAMS_KAFKA: write host:port"),
        ("KAFKA", "host:70000", "REVENI_STREAMS_KAFKA: write host:port"),
        ("GATEWAY_BIND", "8080", "REVENI_STREAMS_GATEWAY_BIND: write host:port"),
        ("PROFILE", "absent.toml", "REVENI_STREAMS_PROFILE: there is no file absent.toml"),
        ("TOPIC_PREFIX", "a/b", "REVENI_STREAMS_TOPIC_PREFIX"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS", "REVENI_STREAMS_KAFKA_SECURITY_PROTOCOL"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "needs REVENI_STREAMS_KAFKA_USERNAME"),
        ("SIGNATURE_REVENI", f'{{"header": 1, "x": "{SECRET}"}}', "REVENI_STREAMS_SIGNATURE_REVENI"),
        ("SIGNATURE_REVENI", f"not json {SECRET}", "SIGNATURE_REVENI"),
    ],
)
def test_a_bad_value_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """The error names the variable and what to write; a value, which may be a secret, is not in it."""
    monkeypatch.setenv(f"REVENI_STREAMS_{name}", value)
    with pytest.raises(SettingsFaults) as caught:
        Settings()
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three wrong variables are three lines of one error."""
    for name in ("PARTITIONS", "REPLICATION", "KAFKA"):
        monkeypatch.setenv(f"REVENI_STREAMS_{name}", "?")
    with pytest.raises(SettingsFaults) as caught:
        Settings()
    assert len(str(caught.value).splitlines()) == 3


def test_an_empty_address_is_the_embedded_broker() -> None:
    """Nothing set: the embedded broker's own address, in plain text."""
    assert Settings().connection().options() == {
        "bootstrap_servers": "127.0.0.1:19092",
        "security_protocol": "PLAINTEXT",
    }


def test_security_reaches_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """SASL over TLS: user, password and mechanism are told to aiokafka, and to Faust, and not to a reader of a repr."""
    monkeypatch.setenv("REVENI_STREAMS_KAFKA", "b1:9093, b2:9093")
    monkeypatch.setenv("REVENI_STREAMS_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("REVENI_STREAMS_KAFKA_USERNAME", "me")
    monkeypatch.setenv("REVENI_STREAMS_KAFKA_PASSWORD", SECRET)
    connection = Settings().connection()
    options = connection.options()
    assert options["bootstrap_servers"] == "b1:9093,b2:9093"
    assert (options["sasl_mechanism"], options["sasl_plain_password"]) == ("SCRAM-SHA-512", SECRET)
    assert options["ssl_context"].verify_mode.name == "CERT_REQUIRED"
    faust = connection.faust()["broker_credentials"]
    assert (faust.protocol.value, faust.mechanism.value, faust.password) == ("SASL_SSL", "SCRAM-SHA-512", SECRET)
    assert connection.idempotent
    assert SECRET not in repr(connection) + repr(Settings())


def test_secrets_are_a_list_for_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comma list is several secrets; blanks are none."""
    monkeypatch.setenv("REVENI_STREAMS_WEBHOOK_SECRET_REVENI", " new , old ,")
    assert Settings().secrets("reveni") == ("new", "old")
    assert Settings().secrets("warehouse") == ()


def test_accounts_come_from_the_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The topics of an account exist because the profile names it; a file that is not TOML is a fault."""
    profile = tmp_path / "profile.toml"
    profile.write_text("[accounts.ns]\n[accounts.sf]\n")
    monkeypatch.setenv("REVENI_STREAMS_PROFILE", str(profile))
    assert Settings().topology().accounts == ("ns", "sf")
    profile.write_text("[accounts")
    with pytest.raises(SettingsFaults, match="REVENI_STREAMS_PROFILE"):
        Settings().topology()


def test_a_dot_env_file_is_read(tmp_path: Path) -> None:
    """`.env` in the working directory sets what the environment does not."""
    (tmp_path / ".env").write_text("REVENI_STREAMS_PARTITIONS=12\n")
    assert Settings().partitions == 12


def test_config_show_masks_every_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret is printed, in either form; how many there are, and passwords' users and hosts, are."""
    monkeypatch.setenv("REVENI_STREAMS_WEBHOOK_SECRET_REVENI", f"{SECRET}-1,{SECRET}-2")
    monkeypatch.setenv("REVENI_STREAMS_KAFKA_PASSWORD", SECRET)
    monkeypatch.setenv("REVENI_STREAMS_DATABASE_URL", f"postgresql://me:{SECRET}@db/x")
    monkeypatch.setenv("REVENI_STREAMS_KAFKA_OPTIONS", json.dumps({"sasl_plain_password": SECRET}))
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0
        assert SECRET not in result.output
        assert "(2 values)" in result.output and "postgresql://me:********@db/x" in result.output


def test_config_check_finds_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable with our prefix that nothing reads is found, in the environment and in .env, with the nearest name."""
    for source in ("REVENI", "WAREHOUSE"):
        monkeypatch.setenv(f"REVENI_STREAMS_WEBHOOK_SECRET_{source}", "x")
    assert CliRunner().invoke(app, ["config", "check"]).exit_code == 0
    (tmp_path / ".env").write_text("REVENI_STREAMS_PARTITION=4\n")
    monkeypatch.setenv("REVENI_STREAMS_KAKFA", "h:1")
    result = CliRunner().invoke(app, ["config", "check", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.output)["warnings"] == [
        "REVENI_STREAMS_KAKFA is no setting; did you mean REVENI_STREAMS_KAFKA?",
        "REVENI_STREAMS_PARTITION is no setting; did you mean REVENI_STREAMS_PARTITIONS?",
    ]


def test_a_fault_ends_with_code_2_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong settings are a usage error of every verb."""
    monkeypatch.setenv("REVENI_STREAMS_PARTITIONS", "x")
    result = CliRunner().invoke(app, ["topics", "check"])
    assert result.exit_code == 2
    assert "REVENI_STREAMS_PARTITIONS" in result.output and "Traceback" not in result.output
