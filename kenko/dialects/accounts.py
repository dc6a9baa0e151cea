"""Which account a call of a client library is about: the first of the places where clients put it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kenko.dialects.identifiers import identifier
from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.request import NOTHING

PLACEHOLDERS: Final = frozenset(
    {"", "null", "none", "nil", "undefined", "nan", "anonymous", "unknown", "00000000-0000-0000-0000-000000000000"}
)
"""What clients send where they know no account, in lower case."""
ACCOUNT_PROPERTIES: Final = (
    "account_id",
    "accountId",
    "company_id",
    "organization_id",
    "org_id",
    "workspace_id",
    "tenant_id",
    "group_id",
)
GROUP_TYPES: Final = ("account", "company", "organization", "workspace", "tenant", "group", "team")
"""Of several groups the first of these is the account; of groups named otherwise the first by name."""


def as_account(value: Any, field: str) -> str | None:
    """The account in `value`: a text or a whole number; None for a placeholder, or for anything else.

    Raises:
        FieldError: a text that cannot be an identifier.
    """
    if type(value) is int:
        return str(value)
    if type(value) is not str:
        return None
    text = value.strip()
    if text.lower() in PLACEHOLDERS:
        return None
    try:
        return identifier(text)
    except ValueError as error:
        raise FieldError(field, ProblemCode.INVALID, str(error)) from None


def is_account_group(kind: Any) -> bool:
    """Groups of this type are accounts: what is said of one is said of an account."""
    return kind in GROUP_TYPES


def find_account(
    group_id: Any,
    context: Mapping[str, Any],
    properties: Mapping[str, Any],
    *,
    path: str = "properties",
    traits: Mapping[str, Any] = NOTHING,
) -> str | None:
    """The account that a call names: `groupId`, `context.groupId`, `properties.$groups`, a property that is known to hold
    it, `traits.groupId` and `traits.company.id`, the same two under `context`; the first that is no placeholder.
    `path`: what the client calls its properties.
    """
    for field, value in _candidates(group_id, context, properties, path, traits):
        account = as_account(value, field)
        if account is not None:
            return account
    return None


def attributed(account: str | None, source: str, users: tuple[str | None, ...], known: KnownAccounts) -> str:
    """`account`, or the one in which one of these users was last seen; remembers where they were seen.

    Raises:
        FieldError: neither is known.
    """
    if account is not None:
        for user in users:
            if user is not None:
                known.note(source, user, account)
        return account
    for user in users:
        if user is not None and (last := known.of(source, user)) is not None:
            return last
    raise FieldError(
        None,
        ProblemCode.UNATTRIBUTED,
        "no account: send groupId, $groups or a property such as account_id, or a group call for the user before",
    )


def _candidates(
    group_id: Any, context: Mapping[str, Any], properties: Mapping[str, Any], path: str, traits: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    yield "groupId", group_id
    yield "context.groupId", context.get("groupId")
    groups = properties.get("$groups")
    if isinstance(groups, Mapping):
        for kind in sorted(groups, key=_by_preference):
            yield f"{path}.$groups", groups[kind]
    for name in ACCOUNT_PROPERTIES:
        yield f"{path}.{name}", properties.get(name)
    for place, person in (("traits", traits), ("context.traits", _inside(context, "traits"))):
        yield f"{place}.groupId", person.get("groupId")
        yield f"{place}.company.id", _inside(person, "company").get("id")


def _by_preference(kind: str) -> tuple[int, str]:
    return (GROUP_TYPES.index(kind) if kind in GROUP_TYPES else len(GROUP_TYPES), kind)


def _inside(mapping: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = mapping.get(name)
    return value if isinstance(value, Mapping) else {}
