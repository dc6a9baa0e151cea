"""The examples of the checkout: they are no part of the wheel."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
CRM_EVENTS = _ROOT / "examples" / "crm" / "events.jsonl.gz"
CRM_MODEL = _ROOT / "examples" / "crm" / "model.yaml"
SAAS_MODEL = _ROOT / "examples" / "saas" / "model.yaml"
