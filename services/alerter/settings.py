"""Settings of the alerter."""

from __future__ import annotations

import base64
import binascii
from typing import Self

from pydantic import Field, SecretStr, model_validator

from kenko.alerting.policy import DEFAULT_COOLDOWN_MS, DEFAULT_MAX_ALERT_AGE_MS, AlertPolicy
from kenko.delivery.target import RefusedUrlError, parse_target
from kenko.runtime.settings import Settings

SERVICE = "alerter"


class AlerterSettings(Settings):
    """Receivers, and how often they may be told."""

    webhook_url: SecretStr | None = Field(
        default=None, description="Where alerts are posted as Standard Webhooks, for example https://example.com/kenko."
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="whsec_ and base64, signs each webhook; during a rotation two, separated by a space.",
    )
    slack_webhook_url: SecretStr | None = Field(
        default=None, description="A Slack incoming webhook: https://hooks.slack.com/services/..."
    )
    alert_cooldown_s: float = Field(
        default=DEFAULT_COOLDOWN_MS / 1000,
        ge=0,
        description="Least seconds between two notified alerts of one account and rule; 0 = no limit.",
    )
    max_alert_age_s: float = Field(
        default=DEFAULT_MAX_ALERT_AGE_MS / 1000,
        gt=0,
        description="Seconds after which a change is too old to tell anyone: a replay of an old log stays silent.",
    )
    dangerous_allow_private_receivers: bool = Field(
        default=False,
        description="Lets receivers be private addresses and any port. Whoever sets a URL can then reach your network.",
    )

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that sign, the newest first."""
        return () if self.webhook_secret is None else tuple(self.webhook_secret.get_secret_value().split())

    def policy(self, receivers: tuple[str, ...]) -> AlertPolicy:
        """What decisions are made by."""
        return AlertPolicy(
            receivers=receivers,
            cooldown_ms=round(self.alert_cooldown_s * 1000),
            max_alert_age_ms=max(round(self.max_alert_age_s * 1000), 1),
        )

    @model_validator(mode="after")
    def _receivers_are_whole(self) -> Self:
        mistakes = [
            f"KENKO_{name} is refused: {refusal}"
            for name, url in (("WEBHOOK_URL", self.webhook_url), ("SLACK_WEBHOOK_URL", self.slack_webhook_url))
            if url is not None and (refusal := self._refusal(url.get_secret_value())) is not None
        ]
        if self.webhook_url is not None and not self.webhook_secrets:
            mistakes.append("KENKO_WEBHOOK_SECRET is missing: without it a receiver cannot tell who sent an alert")
        if not all(_is_secret(secret) for secret in self.webhook_secrets):
            mistakes.append("KENKO_WEBHOOK_SECRET must be whsec_ and at least 24 bytes in base64")
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self

    def _refusal(self, url: str) -> str | None:
        try:
            parse_target(url, allow_private=self.dangerous_allow_private_receivers)
        except RefusedUrlError as error:
            return error.refusal.value
        return None


def _is_secret(text: str) -> bool:
    try:
        return len(base64.b64decode(text.removeprefix("whsec_") + "==")) >= 24
    except (binascii.Error, ValueError):
        return False
