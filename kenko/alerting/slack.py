"""Slack: an alert as blocks. Every text from outside is plain_text and escaped: it can name nobody and link nowhere."""

from __future__ import annotations

from typing import Any

from kenko.alerting.words import plain
from schemas.alert import Alert, AlertMessage, Notice
from schemas.transition import ZONE_RULE, RuleKind

MAX_HEADER = 150
MAX_SECTION = 3000
MAX_CONTEXT = 300
MAX_TEXT = 3000
"""Together with the blocks: 150 + 2 x 2,000 + 300 + 3,000, below the 9,000 that Slack takes without complaint."""
MAX_REASON = 2000

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(text: str, limit: int) -> str:
    """`text` made plain and escaped, at most `limit` characters after escaping, never cut inside an entity."""
    clean = plain(text, limit)
    units = [_ENTITIES.get(char, char) for char in clean]
    if sum(map(len, units)) <= limit:
        return "".join(units)
    kept, used = [], 1  # 1 for the ellipsis
    for unit in units:
        used += len(unit)
        if used > limit:
            break
        kept.append(unit)
    return "".join(kept) + "…"


def slack_payload(message: AlertMessage) -> dict[str, Any]:
    """The body of an incoming webhook: at most four blocks, with `text` for notifications and screen readers."""
    alert = message.data
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain_text(f"{_mark(message)} {alert.title}", MAX_HEADER)},
        {"type": "section", "text": _plain_text(alert.reason, MAX_REASON)},
    ]
    if alert.next_step:
        blocks.append({"type": "section", "text": _plain_text(f"Next: {alert.next_step}", MAX_REASON)})
    blocks.append({"type": "context", "elements": [_plain_text(_context(alert), MAX_CONTEXT)]})
    return {
        "text": escaped(f"{alert.title}. {alert.reason}", MAX_TEXT),
        "blocks": blocks,
        "mrkdwn": False,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _mark(message: AlertMessage) -> str:
    """Red is for what may be lost, green for what is well again. No end is well where no zone is left to be in."""
    alert = message.data
    if message.type is Notice.FIRING:
        return _MARKS.get(alert.kind, "\N{LARGE ORANGE CIRCLE}")
    is_well = alert.zone is not None and alert.kind is not RuleKind.EXPANSION
    return "\N{LARGE GREEN CIRCLE}" if is_well else "\N{MEDIUM WHITE CIRCLE}"


def _context(alert: Alert) -> str:
    kind = "" if alert.rule == ZONE_RULE else f" ({alert.kind.value})"
    profile = "" if alert.profile is None else f", profile {alert.profile}"
    return f"rule {alert.rule}{kind}{profile}, alert {alert.id}"


def _plain_text(text: str, limit: int) -> dict[str, Any]:
    # A section may not be empty.
    return {"type": "plain_text", "text": escaped(text, limit) or "-", "emoji": False}


_MARKS = {RuleKind.CHURN: "\N{LARGE RED CIRCLE}", RuleKind.EXPANSION: "\N{LARGE BLUE CIRCLE}"}
