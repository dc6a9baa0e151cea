"""As what a runner writes into a keyspace. The script of a commit compares it with the role that stands at the fence."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A keyspace has one role at a time; whoever holds another one is refused, as a whole, like a zombie."""

    LIVE = ""
    """What happens in it is told. Written nowhere: a fence without a role is live, or was before there were roles."""
    BUILDING = "building"
    """It is built to take the place of the live one, and nothing is told yet."""
    SHADOW = "shadow"
    """It is built beside the live one to be compared with it, and nothing is ever told."""
    LEFT = "left"
    """Another one takes, or took, its place: nobody writes into it until somebody claims it."""
