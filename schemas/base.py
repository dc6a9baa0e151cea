"""The ground all contracts stand on: frozen models, UTC times, identifiers that are safe to store and to log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Contract(BaseModel):
    """A value that crosses a wire: frozen. A field it does not know is passed over, so that a reader may be older than
    the writer while a release rolls out. What clients send is closed instead: see `UsageEvent`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


_C = TypeVar("_C", bound=Contract)
_new: Final = object.__new__
# A model keeps all it is in these four slots. Set directly they cost a third of model_construct.
_set_dict: Final = vars(BaseModel)["__dict__"].__set__
_set_fields_set: Final = vars(BaseModel)["__pydantic_fields_set__"].__set__
_set_extra: Final = vars(BaseModel)["__pydantic_extra__"].__set__
_set_private: Final = vars(BaseModel)["__pydantic_private__"].__set__
_fields: Final[dict[type[Contract], tuple[list[str], set[str]]]] = {}


def trusted(cls: type[_C], **values: Any) -> _C:
    """The contract with these values, unchecked and uncopied: equal to `cls(**values)`, which would check them.

    For values that our own code has computed and vouches for: of the very types the fields have (no int for a float, no
    list for a tuple), times in UTC, contracts inside as contracts. Nothing that came from outside belongs here.

    Raises:
        TypeError: a field is missing (those with a default too), or there is none of that name.
    """
    names, fields_set = _fields.get(cls) or _fields_of(cls)
    if list(values) != names:
        values = _in_order(cls, names, values)
    contract = _new(cls)
    _set_dict(contract, values)
    _set_fields_set(contract, fields_set)
    _set_extra(contract, None)
    _set_private(contract, None)
    return contract


def trusted_builder(cls: type[_C]) -> Callable[[dict[str, Any]], _C]:
    """`trusted` for a hot path: takes all fields in one dict, in the order in which the contract declares them, and keeps
    that very dict. What it is given is not looked at, so each use needs a test that the order and the fields are right.
    """
    _, fields_set = _fields.get(cls) or _fields_of(cls)

    def build(values: dict[str, Any]) -> _C:
        contract = _new(cls)
        _set_dict(contract, values)
        _set_fields_set(contract, fields_set)
        _set_extra(contract, None)
        _set_private(contract, None)
        return contract

    return build


def _fields_of(cls: type[Contract]) -> tuple[list[str], set[str]]:
    found = _fields[cls] = (list(cls.model_fields), set(cls.model_fields))
    return found


def _in_order(cls: type[Contract], names: list[str], values: dict[str, Any]) -> dict[str, Any]:
    """A dump lists the fields as they lie in the contract: they lie as they are declared, however they were given."""
    wrong = values.keys() ^ set(names)
    if wrong:
        raise TypeError(f"{cls.__name__} needs exactly its fields; missing or unknown: {', '.join(sorted(wrong))}")
    return {name: values[name] for name in names}


def to_ms(time: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, exact (no float in between), rounded down."""
    return (time - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """The UTC time at `ms` milliseconds since 1970-01-01, exact. Raises OverflowError outside the years 1 to 9999."""
    return _EPOCH + ms * _MILLISECOND


def _to_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from None


def _no_control(text: str) -> str:
    for char in text:
        if char < " " or char == "\x7f" or "\x80" <= char <= "\x9f" or "\ud800" <= char <= "\udfff":
            raise ValueError(f"must not contain control characters or lone surrogates (found {char!a})")
    return text


def _not_blank(text: str) -> str:
    if text != text.strip():
        raise ValueError("must not begin or end with white space")
    return text


UtcTime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A time with an offset; kept in UTC. A time without an offset is refused: nobody could say which hour it means."""

Identifier = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(_no_control), AfterValidator(_not_blank)
]
"""An id, 1 to 200 characters, without control characters: it becomes a Kafka key and part of a Redis key."""

Properties = dict[str, Any]
"""Free JSON properties of an event."""
