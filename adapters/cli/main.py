"""`reveni-streams`: finds the verbs, imports only the one that is asked for, and turns what goes wrong into exit codes.

A verb is a module of this package that holds a Typer named `app` (a verb with verbs of its own) or a function of the
module's name (`map_sku.py` holds `map_sku`, the verb is `map-sku`). Exit codes: 0 fine, 1 found something, 2 usage or
cannot reach.
"""

from __future__ import annotations

import logging
import sys
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import typer
from typer.core import TyperGroup

import adapters.cli
from adapters.broker.errors import BrokerError

USAGE_OR_UNREACHABLE = 2


@cache
def verbs() -> dict[str, str]:
    """The verbs that may be there, and their modules; nothing is imported."""
    names = (module.name for module in iter_modules(adapters.cli.__path__))
    return {name.replace("_", "-"): name for name in sorted(names) if not name.startswith("_") and name != "main"}


class Verbs(TyperGroup):
    """The group that imports a verb when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name in verbs() if self.get_command(ctx, name) is not None]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        module_name = verbs().get(cmd_name)
        if module_name is None:
            return None
        module = import_module(f"adapters.cli.{module_name}")
        found = getattr(module, "app", None)
        function = getattr(module, module_name, None)
        command: Any
        if isinstance(found, typer.Typer):
            command = typer.main.get_group(found)  # a group even of one verb: `profile show` stays `profile show`
        elif callable(function):
            single = typer.Typer(add_completion=False)
            single.command(name=cmd_name)(function)
            command = typer.main.get_command(single)
        else:
            return None
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (BrokerError, _settings_faults()) as error:
            typer.echo(str(error) or type(error).__doc__, err=True)
            raise typer.Exit(USAGE_OR_UNREACHABLE) from None
        except Exception as error:
            if not _is_unreachable(error):
                raise
            typer.echo(f"The broker cannot be reached: {error}", err=True)
            raise typer.Exit(USAGE_OR_UNREACHABLE) from None


def _settings_faults() -> type[Exception]:
    """Only a verb that read the settings can have raised it: without the module there is nothing to catch."""
    module = sys.modules.get("adapters.settings")
    return module.SettingsFaults if module is not None else BrokerError


def _is_unreachable(error: Exception) -> bool:
    module = sys.modules.get("aiokafka.errors")
    return module is not None and isinstance(error, module.KafkaConnectionError)


# Tracebacks stay plain: the decorated ones print local variables, and those may be secrets.
app = typer.Typer(
    cls=Verbs,
    name="reveni-streams",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Keeps returns, refunds, goods and paperwork in step between Reveni, warehouses and ERPs.",
)


@app.callback()
def _group() -> None:
    """A callback makes Typer build a group although no verb is registered here."""
    # A broker that is away is told once, by us; whoever sets up logging still gets the library's own lines.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())


if __name__ == "__main__":
    app()
