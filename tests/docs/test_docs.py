"""Pages say what the code does: variables, links and commands in them exist."""

import re
from pathlib import Path

import pytest

from services.alerter.settings import AlerterSettings
from services.ingest.settings import IngestSettings
from services.scorer.settings import ScorerSettings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
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
