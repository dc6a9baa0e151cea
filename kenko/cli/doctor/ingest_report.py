"""What `GET /v1/ingest/problems` answers, as far as it is judged here. Fields that a later ingest adds are passed over."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class ReportedProblem(BaseModel):
    """One kind of mistake in the events of a source."""

    model_config = ConfigDict(frozen=True)

    code: str
    count: int
    last_message: str
    """Names the field and the mend; of the newest example."""


class SourceReport(BaseModel):
    """What became of the events of a source."""

    model_config = ConfigDict(frozen=True)

    source: str
    accepted: int
    rejected: int
    unattributed: int
    problems: tuple[ReportedProblem, ...]

    @property
    def seen(self) -> int:
        return self.accepted + self.rejected + self.unattributed


class IngestReport(BaseModel):
    """Of one process of ingest, since it started."""

    model_config = ConfigDict(frozen=True)

    since: datetime
    sources: tuple[SourceReport, ...]


class IngestPlace(NamedTuple):
    """Where ingest is, and the key that may read what is wrong."""

    url: str
    key: str | None
