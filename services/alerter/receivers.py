"""The receivers that the settings name."""

from __future__ import annotations

from kenko.delivery.client import GuardedClient
from kenko.delivery.receiver import Receiver
from kenko.delivery.slack import SlackReceiver
from kenko.delivery.webhook import WebhookReceiver
from kenko.runtime.clock import Clock
from services.alerter.settings import AlerterSettings


def configured_receivers(settings: AlerterSettings, client: GuardedClient, clock: Clock) -> list[Receiver]:
    """None, one or both."""
    found: list[Receiver] = []
    if settings.webhook_url is not None:
        url = settings.webhook_url.get_secret_value()
        found.append(WebhookReceiver(client, url, settings.webhook_secrets, clock))
    if settings.slack_webhook_url is not None:
        found.append(SlackReceiver(client, settings.slack_webhook_url.get_secret_value(), clock))
    return found
