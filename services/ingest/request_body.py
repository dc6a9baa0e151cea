"""Read the body of a request: bounded in bytes, in time, and by what all requests hold together."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from services.ingest.answers import Refusal, RefusalCode
from services.ingest.budget import Share
from services.ingest.inflate import inflater_for


async def read_request_body(request: Request, *, max_bytes: int, timeout_s: float, share: Share) -> bytes:
    """The body, decompressed.

    Raises:
        Refusal: too large, too slow, not compressed as it says, or no room for it now.
    """
    content_length = request.headers.get("content-length")
    if content_length is not None and content_length.isdigit() and int(content_length[:20]) > max_bytes:
        raise _too_large(max_bytes)
    inflater = inflater_for(request.headers.get("content-encoding", ""))
    body = bytearray()
    came = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                came += len(chunk)
                if came > max_bytes:
                    raise _too_large(max_bytes)
                for piece in inflater.feed(chunk, max_bytes - len(body)):
                    if len(body) + len(piece) > max_bytes:
                        raise _too_large(max_bytes)
                    share.take(len(piece))
                    body += piece
    except TimeoutError:
        detail = f"the body did not arrive within {timeout_s:g} s"
        raise Refusal(RefusalCode.TIMEOUT, detail, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise Refusal(RefusalCode.TIMEOUT, "the connection ended before the body did") from None
    inflater.finish()
    return bytes(body)


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(RefusalCode.TOO_LARGE, f"a body is at most {max_bytes} bytes, decompressed: send smaller batches")
