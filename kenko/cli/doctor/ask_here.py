"""Gather what this machine knows: the model's file, the keys in the environment and in their file, the codecs that are installed."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from kenko.cli.doctor.facts import CodecFacts, KeyFacts, KeyFileFacts, ModelFile, Unknown
from kenko.cli.model_file import read_model
from kenko.model import HealthModel, ModelErrors
from kenko.runtime.api_keys import ApiKey, read_key_file
from kenko.runtime.errors import ConfigurationError

CODECS: Final = {
    "gzip": DefaultRecordBatch.CODEC_GZIP,
    "snappy": DefaultRecordBatch.CODEC_SNAPPY,
    "lz4": DefaultRecordBatch.CODEC_LZ4,
    "zstd": DefaultRecordBatch.CODEC_ZSTD,
}
_VALUE: Final = b'{"event": "Report Exported"}' * 20
_MAGIC: Final = 2


def read_model_file(path: Path | None) -> tuple[ModelFile, HealthModel | Unknown]:
    """The model, or every mistake in it."""
    if path is None:
        return ModelFile(None, ()), Unknown("no health model is named")
    try:
        return ModelFile(path, ()), read_model(path)
    except ModelErrors as error:
        return ModelFile(path, [str(mistake) for mistake in error.errors]), Unknown("the health model does not load")
    except ConfigurationError as error:
        return ModelFile(path, [str(error)]), Unknown("the health model does not load")


def read_keys(env: str, environ: Mapping[str, str], local_key: str | None, file: Path | None = None) -> KeyFacts:
    """How long the keys are; of the local stack where the environment names none. The keys themselves go nowhere."""
    keys = environ.get("KENKO_INGEST_KEYS") or local_key or ""
    return KeyFacts(env, [len(key.strip()) for key in keys.split(",") if key.strip()], file)


def look_at_key_file(path: Path | None) -> tuple[KeyFileFacts | None, Sequence[ApiKey] | Unknown]:
    """The file of API keys, and the keys in it."""
    if path is None:
        return None, ()
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:  # reading it says why
        mode = None
    try:
        return KeyFileFacts(path, mode, None), read_key_file(path).keys
    except ConfigurationError as error:
        return KeyFileFacts(path, mode, str(error).strip()), Unknown("the keys file cannot be used")


def try_codecs() -> CodecFacts:
    """A batch written and read again, as a consumer does it, with each codec."""
    return CodecFacts({name: _try(number) for name, number in CODECS.items()})


def _try(codec: int) -> str | None:
    """What goes wrong; None: nothing."""
    try:
        builder = DefaultRecordBatchBuilder(_MAGIC, codec, 0, -1, -1, -1, 1_000_000)
        builder.append(0, 1, b"key", _VALUE, [])
        (record,) = MemoryRecords(bytes(builder.build())).next_batch()
    except Exception as error:  # noqa: BLE001 - whatever the codec's library raises, the answer is that it does not work
        return f"{type(error).__name__}: {error}"
    return None if record.value == _VALUE else "it comes out changed"
