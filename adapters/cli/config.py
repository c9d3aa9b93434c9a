"""`reveni-streams config`: what the settings are, and whether they can be right."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import typer

from adapters.cli._output import print_json, print_lines

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Show and check the settings.")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]

MASK = "********"

_OF_PROCESSES = ("ACCOUNT", "CACHE", "DISPATCHER_APP", "FAULT_LOG", "FAULT_POINT", "TEST_EXAMPLES", "TEST_KAFKA")
"""Variables that are no settings of an installation: one process reads them, or the tests do."""


@app.command()
def show(as_json: AsJson = False) -> None:
    """Every setting with its value and where it comes from; secrets are masked."""
    from adapters.settings import PREFIX

    listed = {
        PREFIX + name.upper(): {"value": _shown(value), "set": is_set, "secret": _is_secret(value)}
        for name, (value, is_set) in _values().items()
    }
    if as_json:
        print_json(listed)
        return
    width = max(len(name) for name in listed)
    for name, item in listed.items():
        typer.echo(f"{name:<{width}}  {'set    ' if item['set'] else 'default'}  {item['value']}")


@app.command()
def check(as_json: AsJson = False) -> None:
    """Name each setting and line of the profile that cannot be right, and variables that are none; exit 1: some."""
    from adapters.settings import Settings, SettingsFaults

    faults: list[str] = []
    warnings = _unknown()
    try:
        settings = Settings()
        _of_gateway()
        settings.topology()
        settings.connection().options()
    except SettingsFaults as error:
        faults = str(error).splitlines()
    except OSError as error:
        faults = [f"a certificate file cannot be read: {error}"]
    else:
        faults = _of_profile(settings.profile)
        for source in ("reveni", "warehouse"):
            if not settings.secrets(source):
                name = f"REVENI_STREAMS_WEBHOOK_SECRET_{source.upper()}"
                warnings.append(f"{name} is empty: every webhook of {source} will be answered 401")
    if as_json:
        print_json({"ok": not faults and not warnings, "faults": faults, "warnings": warnings})
    else:
        print_lines([*faults, *(f"warning: {text}" for text in warnings)] or ["The settings are fine."])
    if faults or warnings:
        raise typer.Exit(1)


def _of_profile(file: Path | None) -> list[str]:
    """What is wrong with the merchant's profile, where a file is set."""
    from adapters.acts.publishing import read
    from streams.profile import ProfileFaults

    if file is None:
        return []
    try:
        read(file.read_text(encoding="utf-8"), 1)
    except ProfileFaults as error:
        return [f"{file}: {fault}" for fault in error.faults]
    except (OSError, UnicodeDecodeError) as error:
        return [f"{file} cannot be read: {error}"]
    return []


def _models() -> list[BaseSettings]:
    from adapters.settings import Settings

    return [Settings(), _of_gateway()]


def _of_gateway() -> BaseSettings:
    """The gateway's own bounds. Raises `SettingsFaults`."""
    from adapters.gateway.environment import read_environment
    from adapters.settings import SettingsFaults

    try:
        return read_environment()
    except ValueError as error:
        raise SettingsFaults(str(error)) from None


def _values() -> dict[str, tuple[Any, bool]]:
    """Each setting, its value and whether it was set; those of the gateway's own after the shared ones."""
    found: dict[str, tuple[Any, bool]] = {}
    for model in _models():
        for name in type(model).model_fields:
            found.setdefault(name, (getattr(model, name), name in model.model_fields_set))
    return found


def _is_secret(value: Any) -> bool:
    return hasattr(value, "get_secret_value")


def _shown(value: Any) -> str:
    if _is_secret(value):
        count = len([part for part in value.get_secret_value().split(",") if part.strip()])
        return "" if not count else MASK if count == 1 else f"{MASK} ({count} values)"
    if isinstance(value, dict):
        # Options for a client may hold a password under any name.
        return "{" + ", ".join(f"{name}: {MASK}" for name in value) + "}"
    text = "" if value is None else str(value)
    return _without_password(text) if "://" in text else text


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:{MASK}@{host}"))


def _unknown() -> list[str]:
    """Variables with our prefix that nothing reads, with the nearest name that something does read."""
    from adapters.gateway.environment import GatewayEnvironment
    from adapters.settings import PREFIX, Settings

    known = {PREFIX + name.upper() for model in (Settings, GatewayEnvironment) for name in model.model_fields}
    known |= {PREFIX + name for name in _OF_PROCESSES}
    said = []
    for name in sorted({*os.environ, *_names_in(Path(".env"))}):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, 1)
            said.append(f"{name} is no setting{f'; did you mean {near[0]}?' if near else ''}")
    return said


def _names_in(path: Path) -> list[str]:
    if not path.is_file():
        return []
    from dotenv import dotenv_values

    return list(dotenv_values(path))
