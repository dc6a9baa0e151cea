"""What an exception of aiokafka asks of the caller. The one table for everything here that talks to Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from aiokafka import errors as kafka

from kenko.runtime.errors import PermanentError, TransientError, is_closed_connection


class KafkaRefusal(StrEnum):
    """Why Kafka will never do it: a person has to mend something."""

    AUTHORIZATION = "kafka_authorization"
    TOO_LARGE = "kafka_too_large"
    """The broker's `max.message.bytes` is below what we write."""
    TOPIC = "kafka_topic"
    """A topic name it does not take, or one that somebody deleted for good."""
    UNSUPPORTED = "kafka_unsupported"
    """A request that this broker does not know."""


_AUTHORIZATION = (
    kafka.AuthenticationFailedError,
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
    kafka.SaslAuthenticationFailed,
)
_RETRY_AFTER_S = 0.5


def translate(error: Exception) -> TransientError | PermanentError:
    """The error of ours that stands for an exception of aiokafka (or of the socket below it)."""
    text = f"Kafka: {type(error).__name__}: {error}"
    if isinstance(error, _AUTHORIZATION):
        return PermanentError(text, reason=KafkaRefusal.AUTHORIZATION)
    if isinstance(error, kafka.MessageSizeTooLargeError | kafka.RecordListTooLargeError):
        return PermanentError(text, reason=KafkaRefusal.TOO_LARGE)
    if isinstance(error, kafka.InvalidTopicError):
        return PermanentError(text, reason=KafkaRefusal.TOPIC)
    return TransientError(text, retry_after_s=_RETRY_AFTER_S)


@contextmanager
def translated() -> Iterator[None]:
    """Wrap each call to Kafka in it: what comes out is a TransientError or a PermanentError."""
    try:
        yield
    except (kafka.KafkaError, OSError) as error:
        raise translate(error) from error
    except RuntimeError as error:
        if not is_closed_connection(error):
            raise
        raise translate(error) from error
