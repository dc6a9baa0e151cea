"""`kenko calibrate`: fit a model's weights and curves to accounts whose end is known."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from kenko.backtest.labels import load_labels
from kenko.cli.backtest_page import require_page
from kenko.cli.backtest_report import print_bad
from kenko.cli.calibrate_report import ShareBar, print_calibrated
from kenko.cli.model_file import read_text
from kenko.cli.say import EXIT_STOPPED, count_of, err, foreseen, out
from kenko.cli.signals import Stopped, stops
from kenko.runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from kenko.backtest.calibration.calibrate import Calibrated
    from kenko.model import HealthModel

_EXTRA = ("numpy", "scipy", "sklearn")


def calibrate(
    *,
    model: Annotated[Path, typer.Option(help="The health model to begin with.")],
    events: Annotated[Path, typer.Option(help="Events: .csv or .jsonl, either with .gz.")],
    labels: Annotated[Path, typer.Option(help="account_id,start_date,churn_date,observed_until.")],
    write: Annotated[Path, typer.Option("--out", help="The new model.")],
    lifecycle: Annotated[
        Path | None, typer.Option(help="Contract events: ts,account_id,type and columns that become properties.")
    ] = None,
    holdout: Annotated[float, typer.Option(help="Share of the accounts to judge by.", min=0, max=0.9)] = 0.0,
    seed: Annotated[int, typer.Option(help="Which accounts are held out.")] = 0,
    shape: Annotated[str, typer.Option(help="Which ways curves may go: auto, monotone or free.")] = "auto",
    red_share: Annotated[float, typer.Option(help="Share of accounts below the red boundary.", min=0, max=0.5)] = 0.1,
    drop_caps: Annotated[bool, typer.Option("--drop-caps", help="Write the model without its caps.")] = False,
    page: Annotated[Path | None, typer.Option(help="Write a page with plots (extra: report).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Figures as JSON on standard output.")] = False,
) -> None:
    """Fit the weights and curves of MODEL to labelled history, and write them into a copy of its text.

    Signals, labels, rules, profiles and comments stay as they are. With --holdout the accounts held out are never learnt
    from, and the model that is written is the one that was judged on them.
    """
    console = err if json else out
    try:
        with foreseen(), stops():
            _require_extra()
            if page is not None:
                require_page()
            found, before = _run(
                model,
                events,
                lifecycle,
                labels,
                console=console,
                holdout=holdout,
                seed=seed,
                shape=shape,
                red_share=red_share,
                drop_caps=drop_caps,
            )
            _write(write, found.draft.text)
            if page is not None:
                _write_page(page, before, found)
    except Stopped:
        err.print("Stopped. Nothing was written.")
        raise typer.Exit(EXIT_STOPPED) from None
    print_calibrated(console, found, write)
    if json:
        from kenko.backtest.calibration.told import as_plain  # noqa: PLC0415 - needs the extra

        sys.stdout.write(orjson.dumps(as_plain(found), option=orjson.OPT_INDENT_2).decode() + "\n")


def _run(
    model: Path,
    events: Path,
    lifecycle: Path | None,
    labels: Path,
    *,
    console: Any,
    holdout: float,
    seed: int,
    shape: str,
    red_share: float,
    drop_caps: bool,
) -> tuple[Calibrated, HealthModel]:
    # All of this needs the extra; that it is there was just checked.
    from kenko.backtest.calibration.calibrate import Wishes  # noqa: PLC0415
    from kenko.backtest.calibration.calibrate import calibrate as fit  # noqa: PLC0415
    from kenko.backtest.calibration.halves import split  # noqa: PLC0415
    from kenko.backtest.calibration.rewrite import WITHIN_MS, draft  # noqa: PLC0415
    from kenko.backtest.calibration.samples import collect  # noqa: PLC0415
    from kenko.backtest.calibration.shapes import Shape  # noqa: PLC0415

    if shape not in tuple(Shape):
        raise ConfigurationError(f"--shape: {shape!r} is none of {', '.join(Shape)}")
    before = draft(read_text(model), str(model))
    known = load_labels(labels)
    calibration = before.model.calibration
    within_ms = WITHIN_MS if calibration is None else calibration.within_ms
    wishes = Wishes(within_ms, Shape(shape), seed, red_share=red_share, drop_caps=drop_caps)
    with ShareBar() as bar:
        samples, history = collect(before.model, events, lifecycle, known, within_ms=within_ms, report=bar.report)
        found = fit(before, samples, split(known, holdout, seed), wishes, bar.report)
    print_bad(console, history.bad)
    unheard = len(known) - len(samples.heard)
    if unheard:
        console.print(f"{count_of(unheard, 'labelled account')} without any event: not learnt from.")
    return found, before.model


def _require_extra() -> None:
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigurationError("kenko calibrate needs scikit-learn: pip install 'kenko[calibrate]'.")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None


def _write_page(path: Path, before: HealthModel, found: Calibrated) -> None:
    from kenko.backtest.calibration.page import render_page  # noqa: PLC0415 - needs the extra
    from kenko.backtest.calibration.told import figures  # noqa: PLC0415

    _write(path, render_page(before.name, before, found, figures(found)))
