"""Writes the JSON Schema of every contract, and the AsyncAPI document of all topics: `python -m schemas.generate`.

`--check` fails if a file is stale.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from schemas.account_traits import AccountTraits
from schemas.alert import Alert, AlertMessage
from schemas.asyncapi import document
from schemas.base import Contract
from schemas.command import Command
from schemas.dead_letter import DeadLetter
from schemas.forget import Forget
from schemas.forwarded import Forwarded
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
    "forget": Forget,
    "source-state": SourceState,
    "health-score": HealthScore,
    "score-update": ScoreUpdate,
    "transition": Transition,
    "alert": Alert,
    "alert-message": AlertMessage,
    "command": Command,
    "dead-letter": DeadLetter,
    "forwarded": Forwarded,
    "topic": TopicSpec,
}
"""Every contract by the name of its schema file; `examples/<name>.*.json` are its examples."""

HERE = Path(__file__).parent
FOLDER = HERE / "json"
ASYNCAPI = "asyncapi.json"


def render(name: str) -> str:
    """JSON Schema (2020-12) of the contract `name`, as it is committed."""
    schema = CONTRACTS[name].model_json_schema(mode="serialization")
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:kenko:schema:{name}", **schema}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def render_asyncapi() -> str:
    """The AsyncAPI document, as it is committed. Its examples are those of the contracts, as they are written."""
    shown = [
        (name, what, CONTRACTS[name].model_validate_json(path.read_bytes()).model_dump(mode="json"))
        for path in sorted((HERE / "examples").glob("*.json"))
        for name, _, what in (path.stem.partition("."),)
    ]
    examples = {name: [(w or name, value) for n, w, value in shown if n == name] for name in CONTRACTS}
    return json.dumps(document(examples), indent=2, ensure_ascii=False) + "\n"


def rendered() -> dict[Path, str]:
    """Every generated file, and what it has to hold."""
    files = {FOLDER / f"{name}.json": render(name) for name in CONTRACTS}
    return {**files, HERE / ASYNCAPI: render_asyncapi()}


def stale() -> list[Path]:
    """The files whose committed text differs from what the contracts say, or that are missing."""
    return [p for p, text in rendered().items() if not p.is_file() or p.read_text(encoding="utf-8") != text]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    arguments = parser.parse_args()
    old = stale()
    if arguments.check:
        for path in old:
            sys.stderr.write(f"schemas/{path.relative_to(HERE)} is stale: run `make schemas`\n")
        return 1 if old else 0
    FOLDER.mkdir(exist_ok=True)
    texts = rendered()
    for path in old:
        path.write_text(texts[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
