"""What a browser asks for before a page of another origin may send events, and read the answer."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

# Any page may send: what lets it is the key, which a page shows to everybody who looks. No cookie is ever asked for.
_ANY_ORIGIN: Final = {"Access-Control-Allow-Origin": "*"}
_A_DAY_S: Final = 86_400


def readable_by_pages(response: Response) -> Response:
    """`response`, which the page's script may read."""
    response.headers.update(_ANY_ORIGIN | {"Access-Control-Expose-Headers": "Retry-After"})
    return response


def preflight() -> Response:
    """The answer to OPTIONS: POST is allowed, with whatever headers. `*` alone would leave Authorization out."""
    allowed = {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Authorization, *",
        "Access-Control-Max-Age": str(_A_DAY_S),
    }
    return Response(status_code=204, headers=_ANY_ORIGIN | allowed)
