"""Ask ingest what is wrong with the events that it was sent. Reads only."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import aiohttp
from pydantic import ValidationError

from kenko.cli.doctor.ingest_report import IngestPlace, IngestReport
from kenko.runtime.errors import PermanentError, TransientError

PATH: Final = "/v1/ingest/problems"


async def ask_ingest(place: IngestPlace) -> IngestReport:
    """What it says, of the one process that answers.

    Raises:
        TransientError: it does not answer.
        PermanentError: it refuses the key, or it is no ingest of Kenko's.
    """
    headers = {} if place.key is None else {"Authorization": f"Bearer {place.key}"}
    try:
        async with (
            aiohttp.ClientSession() as session,
            # The key is for this address and for no other.
            session.get(place.url.rstrip("/") + PATH, headers=headers, allow_redirects=False) as response,
        ):
            body = await response.read()
    except (aiohttp.ClientError, OSError) as error:
        # Its whole text may hold the address, and that a password.
        why = error.strerror if isinstance(error, OSError) else None
        raise TransientError(why or type(error).__name__) from error
    if response.status == HTTPStatus.UNAUTHORIZED:
        what = "no key was given" if place.key is None else "the key may not read"
        raise PermanentError(f"it answers {response.status}: {what}", reason="unauthorized")
    try:
        if response.status == HTTPStatus.OK:
            return IngestReport.model_validate_json(body)
    except ValidationError:
        raise PermanentError(f"what answers at {PATH} is no ingest of Kenko's", reason="not_ingest") from None
    raise PermanentError(f"it answers {response.status} at {PATH}", reason="not_ingest")
