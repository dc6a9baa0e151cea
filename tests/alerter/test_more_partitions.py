"""A transitions topic that got more partitions while the alerter runs."""

from __future__ import annotations

import pytest

from kenko.runtime.errors import ConfigurationError
from kenko.store.client import connect
from services.alerter.app import _open_store
from services.alerter.settings import AlerterSettings


async def test_a_partition_it_does_not_count_on_is_refused_with_what_to_do():
    settings = AlerterSettings(partitions=4)
    async with connect(settings.redis_url.get_secret_value()) as client:
        assert _open_store(settings, client, 3).partition == 3
        with pytest.raises(ConfigurationError, match=r"kenko topics copy --to-prefix v2\. --partitions 6"):
            _open_store(settings, client, 5)
