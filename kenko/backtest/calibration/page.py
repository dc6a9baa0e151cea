"""The page of a calibration: how well it ranks, whether its probabilities come true, and each curve before and after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from kenko.backtest.calibration.calibrate import Calibrated
from kenko.backtest.calibration.fitted import FittedInput
from kenko.backtest.calibration.judged import Judgement, Reliability
from kenko.backtest.calibration.measures import inputs_of
from kenko.backtest.calibration.samples import Flags, Numbers
from kenko.backtest.report.plots import Plot
from kenko.backtest.report.svg import COLORS, INK, LINES, plot
from kenko.engine.curves import curve_health
from kenko.model import HealthModel
from kenko.model.limits import DAY_MS
from kenko.model.score_spec import HalfLife, Input, Points

_PAGES = Environment(
    loader=PackageLoader("kenko.backtest.calibration", "."), autoescape=True, undefined=StrictUndefined
)
_SIDE_BY_SIDE = 3


def render_page(name: str, before: HealthModel, found: Calibrated, figures: Sequence[tuple[str, ...]]) -> str:
    """One HTML file without network or script.

    Args:
        name: of the model.
        before: the model as it was.
        found: the outcome.
        figures: rows of the table: label, cells, meaning.
    """
    judgement = found.judgement
    days = (found.draft.model.calibration.within_ms if found.draft.model.calibration else 0) // DAY_MS
    plots = [_reliability(found.cross_validated_reliability if judgement is None else judgement.reliability, days)]
    if judgement is not None and judgement.positives:
        plots.append(_roc(judgement))
    plots += _curves(before, found)
    return _PAGES.get_template("page.html.j2").render(
        name=name,
        summary=summary(found),
        figures=figures,
        inputs=[
            (item.group, item.signal, f"{item.share_before:.1f}", f"{item.weight:.1f}", item.verdict.value)
            for item in found.inputs
        ],
        warnings=found.warnings,
        plots=plots,
    )


def summary(found: Calibrated) -> str:
    """What was learnt from, and what was kept to judge by."""
    learnt = f"Learnt from {found.accounts:,} accounts, {found.leavers:,} of which left."
    if found.judgement is None:
        return f"{learnt} None was held out, so the figures are cross-validated."
    held = found.judgement
    return (
        f"{learnt} Judged on {held.accounts:,} others: {held.observations:,} observations, {held.positives:,} followed"
        " by churn within 30 days."
    )


def _reliability(bins: Sequence[Reliability], days: int) -> Plot:
    def draw(ax: Axes) -> None:
        most = max([0.01, *(max(item.foretold, item.came) for item in bins)]) * 1.1
        ax.plot([0, most], [0, most], color=INK, linewidth=0.8, linestyle=":", label="as foretold")
        ax.plot([b.foretold for b in bins], [b.came for b in bins], "o-", color=COLORS[0], label="observed")
        ax.set(xlabel=f"foretold: leaves within {days} days", ylabel="came")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.legend(loc="upper left")

    said = ", ".join(f"{item.foretold:.0%} foretold, {item.came:.0%} came" for item in bins)
    return Plot(
        "Do probabilities come true?",
        plot("reliability", f"Reliability by group of accounts: {said}.", draw),
        "Each point is an eighth of the observations. On the dotted line, as many left as was foretold.",
    )


def _roc(judgement: Judgement) -> Plot:
    risks = (
        ("calibrated", judgement.risk_calibrated, judgement.calibrated.auc),
        ("before", judgement.risk_before, judgement.before.auc),
        ("logistic regression", judgement.risk_logistic_regression, judgement.logistic_regression.auc),
    )

    def draw(ax: Axes) -> None:
        for (name, risk, area), color, line in zip(risks, (*COLORS, INK), (*LINES, ":"), strict=True):
            ax.plot(*_roc_line(judgement.left, risk), color=color, linestyle=line, label=f"{name}, AUC {area:.3f}")
        ax.set(xlabel="share of those who stayed", ylabel="share of those who left", xlim=(0, 1), ylim=(0, 1))
        ax.legend(loc="lower right")

    said = ", ".join(f"{name} {area:.3f}" for name, _, area in risks)
    return Plot(
        "Ranking on accounts that were held out",
        plot("roc", f"ROC curves; AUC: {said}.", draw),
        "How many of those who left are found, against how many who stayed are taken for leavers.",
    )


def _roc_line(left: Flags, risk: Numbers) -> tuple[Numbers, Numbers]:
    order = np.argsort(-risk, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(risk[order])), len(order) - 1)
    found, alarms = np.cumsum(left[order])[ends], np.cumsum(~left[order])[ends]
    return np.append(0, alarms / max(1, alarms[-1])), np.append(0, found / max(1, found[-1]))


def _curves(before: HealthModel, found: Calibrated) -> list[Plot]:
    """Inputs with a new curve, three a plot, the heaviest first."""
    pairs = [
        (item, spec) for item, (_, spec) in zip(found.inputs, inputs_of(before), strict=True) if item.points is not None
    ]
    pairs.sort(key=lambda pair: -pair[0].weight)
    rows = [pairs[at : at + _SIDE_BY_SIDE] for at in range(0, len(pairs), _SIDE_BY_SIDE)]
    return [_curve_row(number, row) for number, row in enumerate(rows)]


def _curve_row(number: int, row: Sequence[tuple[FittedInput, Input]]) -> Plot:
    def draw(*axes: Axes) -> None:
        for ax, (item, spec) in zip(axes, row, strict=True):
            at = _abscissae(item, spec)
            old, new = curve_health(spec.curve), curve_health(Points(points=item.points or ()))
            ax.plot(at, [old(x) / 100 for x in at], color=COLORS[1], linestyle=LINES[1], label="before")
            ax.plot(at, [new(x) / 100 for x in at], color=COLORS[0], linestyle=LINES[0], label="fitted")
            ax.set(title=f"{item.signal}, {item.weight:g}%", ylim=(-3, 103))
        axes[0].set_ylabel("health")
        axes[0].legend(loc="best")

    said = "; ".join(f"{item.signal}: " + ", ".join(f"{x:g} is {y:g}" for x, y in item.points or ()) for item, _ in row)
    title = "Curves" if number == 0 else "More curves"
    return Plot(
        title,
        plot(f"curves{number}", f"Health by value, before and fitted. {said}.", draw, columns=len(row)),
        "The title says the share of the score. A flat stretch means that history sees no difference there.",
    )


def _abscissae(item: FittedInput, spec: Input) -> list[float]:
    fitted = [x for x, _ in item.points or ()]
    given = [x for x, _ in spec.curve.points] if isinstance(spec.curve, Points) else []
    if isinstance(spec.curve, HalfLife):
        given = [0.0, 3 * spec.curve.half_life_ms / DAY_MS]
    low, high = min(fitted + given), max(fitted + given)
    return [float(x) for x in np.union1d(np.linspace(low, high, 200), fitted + given)]
