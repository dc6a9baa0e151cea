"""Files a back-test leaves: score rows, alert rows, and everything as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from kenko.backtest.alert_validity import AlertRow
from kenko.backtest.bad_lines import BadLines
from kenko.backtest.csv_rows import write_rows
from kenko.backtest.looking import Look
from kenko.backtest.trial import Trial
from kenko.backtest.verdict import Terms, Verdict, compare_alerted, differences, plain
from schemas.base import from_ms

DAY_MS = 86_400_000


def iso(ms: int) -> str:
    """`2026-03-01T12:00:00Z`."""
    return from_ms(ms).isoformat().replace("+00:00", "Z")


def write_scores(path: Path, looks: Iterable[Look]) -> None:
    """`account_id,ts,score`: every score at every time of the grid."""
    scored = ((item.account_id, iso(item.time_ms), f"{item.score:.2f}") for item in looks if item.score is not None)
    write_rows(path, ("account_id", "ts", "score"), scored)


def write_alerts(path: Path, rows: Iterable[AlertRow]) -> None:
    """`account_id,ts,kind`: red and recover of the zone rule, and each rule of risk by its name."""
    write_rows(path, ("account_id", "ts", "kind"), ((row.account_id, iso(row.time_ms), row.kind) for row in rows))


def as_json(verdicts: Sequence[Verdict], trials: Sequence[Trial], terms: Terms, bad: Sequence[BadLines]) -> bytes:
    """Everything, machine-readable. A figure that does not exist is null."""
    body: dict[str, Any] = {
        "params": {
            "step_days": terms.grid.step_ms / DAY_MS,
            "horizon_days": terms.grid.horizon_ms / DAY_MS,
            "tenure_days": terms.grid.tenure_ms / DAY_MS,
            "window_days": terms.rules.window_ms / DAY_MS,
            "min_lead_days": terms.rules.min_lead_ms / DAY_MS,
            "kinds": terms.rules.kinds,
            "until": iso(terms.end_ms),
        },
        "models": [_model(verdict, trial) for verdict, trial in zip(verdicts, trials, strict=True)],
        "bad_lines": [{"file": item.file, "count": item.count, "first": _lines(item)} for item in bad],
    }
    if len(verdicts) == 2:
        figures = [verdict.figures() for verdict in verdicts]
        body["difference"] = differences(*figures)
        body["alerted"] = asdict(compare_alerted(trials[0].rows, trials[1].rows, terms.labels))
    return orjson.dumps(plain(body), option=orjson.OPT_INDENT_2)


def _lines(bad: BadLines) -> list[dict[str, Any]]:
    return [{"line": item.line, "message": item.message} for item in bad.first]


def _model(verdict: Verdict, trial: Trial) -> dict[str, Any]:
    model = trial.model
    return {
        "name": verdict.name,
        "model": {"name": model.name, "version": model.version, "score_hash": model.score_hash},
        "figures": verdict.figures(),
        "alert_kinds": dict(Counter(row.kind for row in trial.rows)),
        "by_rule": {rule: asdict(figures) for rule, figures in verdict.by_rule.items()},
        "reliability": None if verdict.reliability is None else asdict(verdict.reliability),
        "workload": asdict(verdict.workload),
        "run": dict(trial.counts),
    }
