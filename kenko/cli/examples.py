"""The examples: in a checkout beside the packages, in the wheel inside `kenko`."""

from __future__ import annotations

from pathlib import Path

_PACKAGED = Path(__file__).resolve().parents[1] / "examples"
_CHECKOUT = Path(__file__).resolve().parents[2] / "examples"
_EXAMPLES = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT

CRM_EVENTS = _EXAMPLES / "crm" / "events.jsonl.gz"
CRM_MODEL = _EXAMPLES / "crm" / "model.yaml"
DEFAULT_MODEL = _EXAMPLES / "models" / "default.yaml"
"""For whoever names no model of their own."""
