"""What a JSON Schema cannot say: schemathesis loads this (tests/ingest/test_openapi.py names it)."""

from __future__ import annotations

from datetime import UTC, datetime

import schemathesis
from hypothesis import strategies as st

# Times that have been: one in the future is refused, and no format says so.
past = st.datetimes(datetime(1971, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat)  # noqa: DTZ001
schemathesis.openapi.format("date-time", past)
