from __future__ import annotations

import pytest

from kenko.runtime.errors import ConfigurationError
from kenko.runtime.settings import read_settings
from services.alerter.settings import AlerterSettings

SECRET = "whsec_a2Vua28ta2Vua28ta2Vua28ta2Vua28tdGVzdA=="
WEBHOOK = {"KENKO_WEBHOOK_URL": "https://example.com/kenko", "KENKO_WEBHOOK_SECRET": SECRET}


@pytest.fixture
def read(monkeypatch):
    def read(environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return read_settings(AlerterSettings)

    return read


def test_it_starts_without_any_receiver(read):
    settings = read({})
    assert (settings.webhook_url, settings.slack_webhook_url, settings.webhook_secrets) == (None, None, ())


def test_durations_become_the_policy(read):
    policy = read({"KENKO_ALERT_COOLDOWN_S": "0.5", "KENKO_MAX_ALERT_AGE_S": "60"}).policy(("a",))
    assert (policy.receivers, policy.cooldown_ms, policy.max_alert_age_ms) == (("a",), 500, 60_000)


def test_two_secrets_sign_during_a_rotation(read):
    assert read({**WEBHOOK, "KENKO_WEBHOOK_SECRET": f"{SECRET} {SECRET}"}).webhook_secrets == (SECRET, SECRET)


@pytest.mark.parametrize(
    ("environ", "mistakes"),
    [
        ({"KENKO_WEBHOOK_URL": "https://example.com/kenko"}, ["KENKO_WEBHOOK_SECRET is missing"]),
        ({**WEBHOOK, "KENKO_WEBHOOK_SECRET": "whsec_short"}, ["at least 24 bytes"]),
        ({**WEBHOOK, "KENKO_WEBHOOK_SECRET": "whsec_ü"}, ["at least 24 bytes"]),
        (
            {
                **WEBHOOK,
                "KENKO_WEBHOOK_URL": "http://10.0.0.1/hush",
                "KENKO_SLACK_WEBHOOK_URL": "ftp://example.com/hush",
            },
            ["KENKO_WEBHOOK_URL is refused: address", "KENKO_SLACK_WEBHOOK_URL is refused: scheme"],
        ),
        ({"KENKO_ALERT_COOLDOWN_S": "-1"}, ["KENKO_ALERT_COOLDOWN_S"]),
        ({"KENKO_MAX_ALERT_AGE_S": "0"}, ["KENKO_MAX_ALERT_AGE_S"]),
    ],
)
def test_every_mistake_is_named_and_no_secret_shown(read, environ, mistakes):
    with pytest.raises(ConfigurationError) as caught:
        read(environ)
    assert all(mistake in str(caught.value) for mistake in mistakes)
    assert "hush" not in str(caught.value)
    assert "whsec_s" not in str(caught.value)


def test_private_receivers_need_the_dangerous_setting(read):
    local = {**WEBHOOK, "KENKO_WEBHOOK_URL": "http://127.0.0.1:9/x", "KENKO_DANGEROUS_ALLOW_PRIVATE_RECEIVERS": "true"}
    assert read(local).webhook_url is not None


def test_nothing_secret_is_in_its_text(read):
    settings = read({**WEBHOOK, "KENKO_SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/hush"})
    assert "hush" not in repr(settings)
    assert SECRET not in repr(settings)
