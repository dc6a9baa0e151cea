"""Take the beginning of a topic's partitions away for good, as Kafka's DeleteRecords does."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from aiokafka import TopicPartition
from aiokafka import errors as kafka
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from kenko.runtime.errors import PermanentError
from kenko.runtime.settings import Settings
from kenko.stream.kafka_errors import KafkaRefusal, translated


class Trimmer(Protocol):
    """Raises TransientError where no broker answers, and PermanentError where it refuses or cannot do such a thing."""

    async def delete_before(self, topic: str, offsets: Mapping[int, int]) -> None:
        """By partition: no record below this offset is there any more."""


class KafkaTrimmer:
    """A `Trimmer` over a broker. Async context manager."""

    def __init__(self, settings: Settings, *, client_id: str = "kenko-cli") -> None:
        self._admin: Any = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_servers, client_id=client_id)

    async def __aenter__(self) -> Self:
        try:
            with translated():
                await self._admin.start()
        except BaseException:
            await self._admin.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._admin.close()

    async def delete_before(self, topic: str, offsets: Mapping[int, int]) -> None:
        wanted = {TopicPartition(topic, p): RecordsToDelete(before_offset=offset) for p, offset in offsets.items()}
        with translated():
            try:
                await self._admin.delete_records(wanted)
            except (kafka.KafkaConnectionError, kafka.IncompatibleBrokerVersion) as error:
                # A broker that does not know the request hangs up, as one does that goes away. One that answers the next
                # question is there.
                await self._admin.describe_cluster()
                raise PermanentError(
                    "this broker cannot delete records before an offset (Kafka's DeleteRecords)",
                    reason=KafkaRefusal.UNSUPPORTED,
                ) from error
            except kafka.PolicyViolationError as error:
                raise PermanentError(
                    f"Kafka deletes no records of {topic}: its cleanup.policy has to be delete",
                    reason=KafkaRefusal.TOPIC,
                ) from error
