"""RedisAlertStore: the alerts of one partition in Redis, every step one script."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from hashlib import sha1
from importlib.resources import files
from typing import Any

import msgspec
from redis.exceptions import NoScriptError

from kenko.alerting.record import AlertHistory, DeliveryRecord, Verdict
from kenko.alerting.state import AlertState
from kenko.engine.identity import account_digest
from kenko.store.alerts import KEPT_ALERTS, AlertWrite, Claim, Delivery, Erased, RecordOutcome, Seen
from kenko.store.alerts_keys import FIRING, RESOLVED, AlertKeys, delivery_field, state_field
from kenko.store.client import AnyRedis
from kenko.store.redis_errors import translated
from schemas.alert import AlertStatus, Notice
from schemas.base import to_ms

_SCRIPT = files("kenko.store").joinpath("alerts.lua").read_text(encoding="utf-8")
_SHA = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""What Redis calls the script by."""
_PAGE = 100
"""Alerts read in one round trip."""
_SCAN_COUNT = 1000
_OUTCOMES = {0: RecordOutcome.REFUSED, 1: RecordOutcome.APPLIED, 2: RecordOutcome.FORGOTTEN}
"""By the script's reply."""


class RedisAlertStore:
    """Implements `AlertStore`. `client` answers with bytes and is closed by whoever made it."""

    def __init__(self, client: AnyRedis, keys: AlertKeys, *, kept_alerts: int = KEPT_ALERTS) -> None:
        self._client = client
        self._keys = keys
        self._kept = kept_alerts

    @property
    def partition(self) -> int:
        return self._keys.partition

    async def state(self, account_id: str, rule: str) -> Seen:
        raw = await self._call(self._client.hget(self._keys.states, state_field(account_id, rule)))
        return Seen(None if raw is None else msgspec.json.decode(raw, type=AlertState), raw)

    async def record(self, write: AlertWrite) -> RecordOutcome:
        decision, verdict = write.decision, write.verdict
        args: list[Any] = [
            state_field(write.account_id, write.rule),
            write.token or b"",
            msgspec.json.encode(decision.state),
        ]
        if verdict is not None:
            alert = verdict.alert
            end = FIRING if alert.status is AlertStatus.FIRING else RESOLVED
            args += [alert.id, to_ms(alert.opened_at), end, verdict.model_dump_json(), self._kept]
        else:
            args += ["", 0, "", "", self._kept]
        args.append(account_digest(write.account_id))
        for delivery in write.deliveries():
            args += [
                delivery.receiver,
                delivery.account_id,
                delivery.message_id,
                write.now_ms,
                delivery.model_dump_json(),
                delivery_field(delivery.receiver, delivery.notice),
                delivery.pending().model_dump_json(),
            ]
        return _OUTCOMES[int(await self._run("record", *args))]

    async def claim(self, receiver: str, now_ms: int, lease_ms: int) -> Claim:
        entry, number = await self._run("claim", receiver, now_ms, lease_ms)
        if entry == b"":
            return Claim(None, None if number == b"" else int(float(number)))
        delivery = Delivery.model_validate_json(entry)
        return Claim(delivery.model_copy(update={"attempt": int(number)}), None)

    async def reschedule(self, delivery: Delivery, at_ms: int) -> bool:
        place = (delivery.receiver, delivery.account_id, delivery.message_id)
        return bool(await self._run("reschedule", *place, at_ms))

    async def complete(self, delivery: Delivery, record: DeliveryRecord) -> bool:
        done = await self._run(
            "complete",
            delivery.receiver,
            delivery.account_id,
            delivery.message_id,
            delivery.queued_ms if record.at is None else to_ms(record.at),
            delivery.alert_id,
            delivery_field(delivery.receiver, delivery.notice),
            record.model_dump_json(),
        )
        return bool(done)

    async def delivery_record(self, alert_id: str, receiver: str, notice: Notice) -> DeliveryRecord | None:
        raw = await self._call(self._client.hget(self._keys.alert(alert_id), delivery_field(receiver, notice)))
        return None if raw is None else DeliveryRecord.model_validate_json(raw)

    async def forget(self, account_id: str) -> Erased:
        # First: from here on nobody records anything of it, so what is found below is all there is.
        await self._call(self._client.sadd(self._keys.forgotten, account_digest(account_id)))
        fields = await self._state_fields(account_id)
        alerts = [history.id for history in await self.alerts(self._kept) if history.account_id == account_id]
        waited = await self._run("erase", account_id, len(fields), *fields, *alerts)
        return Erased(len(fields), len(alerts), int(waited))

    async def is_forgotten(self, account_id: str) -> bool:
        digest: Any = account_digest(account_id)  # Any: redis-py declares text, and takes bytes
        return bool(await self._call(self._client.sismember(self._keys.forgotten, digest)))

    async def _state_fields(self, account_id: str) -> list[bytes]:
        """Of each rule that has a state. Goes through all accounts, a piece at a time: nobody is held up."""
        found: list[bytes] = []
        with translated():
            async for name, _ in self._client.hscan_iter(self._keys.states, count=_SCAN_COUNT):
                if name.rpartition(b"\x00")[2] == account_id.encode():
                    found.append(name)
        return list(dict.fromkeys(found))  # a scan may give a field twice

    async def outbox(self) -> Mapping[str, int]:
        names = sorted(raw.decode() for raw in await self._call(self._client.smembers(self._keys.receivers)))
        return {name: int(await self._call(self._client.hlen(self._keys.outbox(name)))) for name in names}

    async def disable(self, receiver: str, fingerprint: str) -> None:
        await self._call(self._client.hset(self._keys.disabled, receiver, fingerprint))

    async def disabled(self) -> Mapping[str, str]:
        raw = await self._call(self._client.hgetall(self._keys.disabled))
        return {name.decode(): fingerprint.decode() for name, fingerprint in raw.items()}

    async def alerts(self, limit: int = KEPT_ALERTS) -> list[AlertHistory]:
        found: list[AlertHistory] = []
        ids = await self._call(self._client.zrevrange(self._keys.alerts, 0, max(limit, 1) - 1))
        for start in range(0, len(ids), _PAGE):
            pipeline = self._client.pipeline(transaction=False)
            for alert_id in ids[start : start + _PAGE]:
                pipeline.hgetall(self._keys.alert(alert_id.decode()))
            answers = await self._call(pipeline.execute())
            # One that was dropped between the two reads is empty.
            found += [history for fields in answers if (history := self._history(fields)) is not None]
        return found

    async def alert(self, alert_id: str) -> AlertHistory | None:
        return self._history(await self._call(self._client.hgetall(self._keys.alert(alert_id))))

    def _history(self, fields: Mapping[bytes, bytes]) -> AlertHistory | None:
        firing, resolved = fields.get(FIRING.encode()), fields.get(RESOLVED.encode())
        if firing is None:
            return None
        return AlertHistory.of(
            self.partition,
            Verdict.model_validate_json(firing),
            None if resolved is None else Verdict.model_validate_json(resolved),
            tuple(DeliveryRecord.model_validate_json(raw) for name, raw in fields.items() if b" " in name),
        )

    async def _run(self, command: str, *args: Any) -> Any:
        given = (1, self._keys.states, command, self._keys.base, *args)
        with translated():
            try:
                return await self._client.evalsha(_SHA, *given)
            except NoScriptError:  # a server that has just started
                return await self._client.eval(_SCRIPT, *given)

    @staticmethod
    async def _call(answer: Awaitable[Any]) -> Any:
        with translated():
            return await answer
