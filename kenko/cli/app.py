"""The command line, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from kenko import __version__
from kenko.cli.backtest import backtest
from kenko.cli.calibrate import calibrate
from kenko.cli.demo import demo
from kenko.cli.explain import explain
from kenko.cli.model_check import model_check
from kenko.cli.model_diff import model_diff
from kenko.cli.model_explain import model_explain
from kenko.cli.model_schema import model_schema
from kenko.cli.model_test import model_test
from kenko.cli.override import override
from kenko.cli.replay import replay
from kenko.cli.topics_apply import topics_apply
from kenko.cli.traits import traits
from kenko.cli.up import up

app = typer.Typer(
    name="kenko",
    help="Customer health scores from usage events, seconds fresh.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
model_app = typer.Typer(help="Health models.", no_args_is_help=True)
topics_app = typer.Typer(help="Kafka topics.", no_args_is_help=True)

app.command("demo")(demo)
app.command("up")(up)
app.command("replay")(replay)
app.command("explain")(explain)
app.command("override")(override)
app.command("traits")(traits)
app.command("backtest")(backtest)
app.command("calibrate")(calibrate)
app.add_typer(model_app, name="model")
model_app.command("check")(model_check)
model_app.command("test")(model_test)
model_app.command("explain")(model_explain)
model_app.command("diff")(model_diff)
model_app.command("schema")(model_schema)
app.add_typer(topics_app, name="topics")
topics_app.command("apply")(topics_apply)


# A callback each keeps a group with one command a group: `kenko model check`, not `kenko model`.
@model_app.callback()
def _model() -> None:
    """Health models."""


@topics_app.callback()
def _topics() -> None:
    """Kafka topics."""


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Customer health scores from usage events, seconds fresh."""
    if version:
        typer.echo(f"kenko {__version__}")
        raise typer.Exit
