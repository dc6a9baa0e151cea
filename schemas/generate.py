"""Writes the JSON Schema of every contract: `python -m schemas.generate`; `--check` fails if the files are stale."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from schemas.account_traits import AccountTraits
from schemas.alert import Alert, AlertMessage
from schemas.base import Contract
from schemas.command import Command
from schemas.dead_letter import DeadLetter
from schemas.health import HealthScore, ScoreUpdate
from schemas.override import Override
from schemas.source_state import SourceState
from schemas.tick import Tick
from schemas.topics import TopicSpec
from schemas.transition import Transition
from schemas.usage_event import UsageEvent

CONTRACTS: dict[str, type[Contract]] = {
    "usage-event": UsageEvent,
    "tick": Tick,
    "account-traits": AccountTraits,
    "override": Override,
    "source-state": SourceState,
    "health-score": HealthScore,
    "score-update": ScoreUpdate,
    "transition": Transition,
    "alert": Alert,
    "alert-message": AlertMessage,
    "command": Command,
    "dead-letter": DeadLetter,
    "topic": TopicSpec,
}
"""Every contract by the name of its schema file; `examples/<name>.*.json` are its examples."""

FOLDER = Path(__file__).parent / "json"


def render(name: str) -> str:
    """JSON Schema (2020-12) of the contract `name`, as it is committed."""
    schema = CONTRACTS[name].model_json_schema(mode="serialization")
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:kenko:schema:{name}", **schema}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of contracts whose committed schema differs from the model, or is missing."""
    return [
        name
        for name in CONTRACTS
        if not (path := folder / f"{name}.json").is_file() or path.read_text(encoding="utf-8") != render(name)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    arguments = parser.parse_args()
    old = stale()
    if arguments.check:
        for name in old:
            sys.stderr.write(f"schemas/json/{name}.json is stale: run `make schemas`\n")
        return 1 if old else 0
    FOLDER.mkdir(exist_ok=True)
    for name in old:
        (FOLDER / f"{name}.json").write_text(render(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
