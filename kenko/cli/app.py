"""The command line, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from kenko import __version__
from kenko.cli.accounts.forget import accounts_forget
from kenko.cli.backtest import backtest
from kenko.cli.bench.accounts import bench_accounts
from kenko.cli.bench.ingest import bench_ingest
from kenko.cli.bench.latency import bench_latency
from kenko.cli.bench.restart import bench_restart
from kenko.cli.bench.score import bench_score
from kenko.cli.calibrate import calibrate
from kenko.cli.demo import demo
from kenko.cli.dlq.ls import dlq_ls
from kenko.cli.dlq.retry import dlq_retry
from kenko.cli.dlq.show import dlq_show
from kenko.cli.doctor.command import doctor
from kenko.cli.explain import explain
from kenko.cli.import_history import import_history
from kenko.cli.keys import keys_create, keys_list, keys_revoke
from kenko.cli.model_check import model_check
from kenko.cli.model_diff import model_diff
from kenko.cli.model_explain import model_explain
from kenko.cli.model_schema import model_schema
from kenko.cli.model_test import model_test
from kenko.cli.override import override
from kenko.cli.replay import replay
from kenko.cli.shadow.report import shadow_report
from kenko.cli.state.drop import state_drop
from kenko.cli.state.ls import state_ls
from kenko.cli.tail import tail
from kenko.cli.topics_apply import topics_apply
from kenko.cli.topics_copy import topics_copy
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
bench_app = typer.Typer(help="How fast it is here, beside what it cannot be faster than.", no_args_is_help=True)
keys_app = typer.Typer(help="API keys.", no_args_is_help=True)
topics_app = typer.Typer(help="Kafka topics.", no_args_is_help=True)
dlq_app = typer.Typer(help="Dead letters.", no_args_is_help=True)
shadow_app = typer.Typer(help="A second model beside the live one.", no_args_is_help=True)
accounts_app = typer.Typer(help="Accounts.", no_args_is_help=True)
state_app = typer.Typer(help="What the scorer keeps in Redis.", no_args_is_help=True)

app.command("demo")(demo)
app.command("up")(up)
app.command("replay")(replay)
app.command("import")(import_history)
app.command("explain")(explain)
app.command("doctor")(doctor)
app.command("tail")(tail)
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
app.add_typer(bench_app, name="bench")
bench_app.command("ingest")(bench_ingest)
bench_app.command("score")(bench_score)
bench_app.command("latency")(bench_latency)
bench_app.command("accounts")(bench_accounts)
bench_app.command("restart")(bench_restart)
app.add_typer(keys_app, name="keys")
keys_app.command("create")(keys_create)
keys_app.command("list")(keys_list)
keys_app.command("revoke")(keys_revoke)
app.add_typer(topics_app, name="topics")
topics_app.command("apply")(topics_apply)
topics_app.command("copy")(topics_copy)
app.add_typer(dlq_app, name="dlq")
dlq_app.command("ls")(dlq_ls)
dlq_app.command("show")(dlq_show)
dlq_app.command("retry")(dlq_retry)
app.add_typer(shadow_app, name="shadow")
shadow_app.command("report")(shadow_report)
app.add_typer(accounts_app, name="accounts")
accounts_app.command("forget")(accounts_forget)
app.add_typer(state_app, name="state")
state_app.command("ls")(state_ls)
state_app.command("drop")(state_drop)


# A callback each keeps a group with one command a group: `kenko model check`, not `kenko model`.
@model_app.callback()
def _model() -> None:
    """Health models."""


@bench_app.callback()
def _bench() -> None:
    """How fast it is here, beside what it cannot be faster than."""


@topics_app.callback()
def _topics() -> None:
    """Kafka topics."""


@accounts_app.callback()
def _accounts() -> None:
    """Accounts."""


@shadow_app.callback()
def _shadow() -> None:
    """A second model beside the live one."""


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Customer health scores from usage events, seconds fresh."""
    if version:
        typer.echo(f"kenko {__version__}")
        raise typer.Exit
