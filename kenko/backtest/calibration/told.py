"""Told: the outcome as a table for people and as plain values for machines."""

from __future__ import annotations

from math import isfinite
from typing import Any

from kenko.backtest.calibration.calibrate import Calibrated
from kenko.backtest.calibration.judged import Judgement, Ranking
from kenko.model.limits import DAY_MS

_NOTHING = "-"


def figures(found: Calibrated) -> list[tuple[str, ...]]:
    """Rows: label, calibrated, logistic regression, before, what it means."""
    judgement = found.judgement
    if judgement is None:
        mine = found.cross_validated
        return [
            ("AUC", f"{mine.auc:.3f}", _NOTHING, _NOTHING, "cross-validated by account, weekly observations"),
            ("top-decile lift", f"{mine.top_decile_lift:.2f}", _NOTHING, _NOTHING, "likewise"),
        ]
    rankings = (judgement.calibrated, judgement.logistic_regression, judgement.before)
    days = _within(found)
    return [
        ("AUC", *(_shown(r.auc, 3) for r in rankings), "one that leaves within 30 days ranks below one that stays"),
        (
            "top-decile lift",
            *(_shown(r.top_decile_lift, 2) for r in rankings),
            "churn rate of the riskiest tenth over that of all",
        ),
        (
            f"Brier, {days} days",
            _shown(judgement.brier, 4),
            _shown(judgement.brier_logistic_regression, 4),
            _NOTHING,
            f"error of the probabilities; {_shown(judgement.brier_base_rate, 4)} when all are given the rate that came",
        ),
    ]


def as_plain(found: Calibrated) -> dict[str, Any]:
    """For `--json`. What cannot be told is null."""
    model = found.draft.model
    return {
        "model": {"name": model.name, "version": model.version, "score_hash": model.score_hash},
        "accounts": found.accounts,
        "churned_accounts": found.leavers,
        "inputs": [
            {
                "group": item.group,
                "signal": item.signal,
                "percent_before": round(item.share_before, 2),
                "percent": item.weight,
                "points": item.points,
                "verdict": item.verdict.value,
            }
            for item in found.inputs
        ],
        "calibration": {"within_days": _within(found), "points": found.line},
        "red_share": _number(found.red_share),
        "red_share_before": _number(found.red_share_before),
        "caps_cost_auc": _number(found.caps_cost),
        "cross_validated": _ranking(found.cross_validated),
        "holdout": None if found.judgement is None else _judgement(found.judgement),
        "warnings": list(found.warnings),
    }


def _judgement(found: Judgement) -> dict[str, Any]:
    return {
        "accounts": found.accounts,
        "observations": found.observations,
        "positives": found.positives,
        "unscored": found.unscored,
        "calibrated": {**_ranking(found.calibrated), "brier": _number(found.brier)},
        "logistic_regression": {
            **_ranking(found.logistic_regression),
            "brier": _number(found.brier_logistic_regression),
        },
        "before": _ranking(found.before),
        "base_rate": {"brier": _number(found.brier_base_rate)},
        "brier_observations": found.later_observations,
        "brier_positives": found.later_positives,
        "reliability": [
            {"foretold": _number(item.foretold), "came": _number(item.came), "observations": item.count}
            for item in found.reliability
        ],
    }


def _ranking(found: Ranking) -> dict[str, float | None]:
    return {"auc": _number(found.auc), "top_decile_lift": _number(found.top_decile_lift)}


def _within(found: Calibrated) -> int:
    calibration = found.draft.model.calibration
    return 0 if calibration is None else calibration.within_ms // DAY_MS


def _number(value: float) -> float | None:
    return round(float(value), 6) if isfinite(value) else None


def _shown(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if isfinite(value) else _NOTHING
