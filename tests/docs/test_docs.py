"""Pages say what the code does: variables, links and commands in them exist."""

import re
from pathlib import Path

import pytest
import typer.main

from kenko.cli.app import app
from kenko.cli.doctor.checks import CHECKS
from schemas.dead_letter import DeadLetterReason
from services.alerter.settings import AlerterSettings
from services.ingest.settings import IngestSettings
from services.scorer.settings import ScorerSettings

ROOT = Path(__file__).parents[2]
FOUND = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
PAGES = sorted(page for page in FOUND if "node_modules" not in page.parts)
SETTINGS = (IngestSettings, ScorerSettings, AlerterSettings)


def variables():
    return {
        field.validation_alias or f"KENKO_{name.upper()}": field.description
        for settings in SETTINGS
        for name, field in settings.model_fields.items()
    }


def test_every_setting_is_described_on_the_operations_page_in_its_own_words():
    page = (ROOT / "docs" / "operations.md").read_text()
    described = dict(re.findall(r"^\| `(KENKO_\w+)` \| (.*) \|$", page, re.MULTILINE))
    assert described == variables()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_inside_the_project_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)[^)]*\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_make_targets_named_on_a_page_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`(?:\w+=\S+ )*make ([a-z-]+)", page.read_text())) <= targets


def options(command):
    """Every option of a command and of those below it."""
    found = {name for parameter in command.params for name in parameter.opts}
    return found.union(*(options(below) for below in getattr(command, "commands", {}).values()))


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        *(f"docs/{name}.md" for name in ("model", "backtest", "calibrate", "events", "troubleshooting", "privacy")),
    ],
)
def test_options_of_kenko_named_on_a_page_exist(page):
    known = options(typer.main.get_command(app))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", (ROOT / page).read_text()))
    assert named
    assert named <= known


def test_metrics_named_on_the_operations_page_exist():
    page = (ROOT / "docs" / "operations.md").read_text()
    source = "".join(file.read_text() for file in (ROOT / "services").rglob("*.py"))
    named = set(re.findall(r"kenko_(?:scorer|alerter|ingest)_\w+", page))
    assert named
    assert {
        name for name in named if f'"{name}"' not in source and f'"{name.removesuffix("_total")}"' not in source
    } == set()


def test_every_decision_is_in_the_list():
    listed = re.findall(
        r"^\| \[(\d{4})\]\((\d{4})-\S+\.md\) \|", (ROOT / "docs/adr/README.md").read_text(), re.MULTILINE
    )
    assert [one for one, other in listed if one == other] == sorted(
        file.name[:4] for file in ROOT.glob("docs/adr/0*.md")
    )


def test_extracts_on_the_page_of_producers_stand_in_the_programs_that_the_tests_run():
    page = (ROOT / "docs" / "producers.md").read_text()
    extracts = re.findall(r"\]\((\.\./examples/producers/[^)]+)\)[^`]*?\n```\w+\n(.*?)```", page, re.DOTALL)
    assert {Path(path).name for path, _ in extracts} == {
        *("with_aiokafka.py", "with_confluent_kafka.py", "send-events.js", "SendEvents.java")
    }
    for path, extract in extracts:
        program = {line.strip() for line in (ROOT / "docs" / path).read_text().splitlines()}
        assert [line for line in extract.splitlines() if line.strip() not in program] == []


def test_every_check_of_doctor_is_described():
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    described = re.findall(r"`([a-z]+\.[a-z_]+)`", "".join(re.findall(r"^\| `[a-z]+\..*?\|", page, re.MULTILINE)))
    assert described == [check.name for check in CHECKS]


def test_every_reason_for_a_dead_letter_is_described():
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)) == {reason.value for reason in DeadLetterReason}
