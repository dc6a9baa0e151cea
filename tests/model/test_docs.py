"""Every example of the page is a model, or a part that fits into the page's model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from kenko.backtest.golden import run_golden
from kenko.backtest.golden_log import events_in_place
from kenko.model import load_model
from kenko.model.golden import GoldenTest

PAGE = Path(__file__).parents[2] / "docs" / "model.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
MODEL, PARTS = EXAMPLES[0], EXAMPLES[1:]


def _with(part: str) -> str:
    """The page's model with a part of it exchanged; signals are added to those it has."""
    model, change = yaml.safe_load(MODEL), yaml.safe_load(part)
    change["signals"] = {**model["signals"], **change.get("signals", {})}
    return yaml.safe_dump({**model, **change}, allow_unicode=True, sort_keys=False)


def test_the_first_example_is_a_model_with_every_part():
    model = load_model(MODEL)
    assert (len(model.signals), len(model.base.groups), len(model.base.rules)) == (8, 4, 2)
    assert (len(model.profiles), len(model.tests)) == (1, 1)
    assert model.state_hash != load_model(MODEL.replace("window: 7d", "window: 8d")).state_hash


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.split(":")[0])
def test_every_other_example_fits_into_that_model(part):
    keys = set(yaml.safe_load(part))
    assert keys <= {"signals", "lifecycle", "traits", "rules", "profiles", "calibration", "tests"}
    changed = load_model(_with(part)).score_hash != load_model(MODEL).score_hash
    assert changed is (keys != {"tests"})


def _tests() -> list[tuple[str, GoldenTest]]:
    texts = [MODEL, *(_with(part) for part in PARTS if part.startswith("tests:"))]
    return [(text, test) for text in texts for test in load_model(text).tests if test.file is None]


@pytest.mark.parametrize(("text", "test"), _tests(), ids=lambda value: getattr(value, "name", ""))
def test_the_golden_tests_of_the_page_pass(text, test):
    assert run_golden(load_model(text), test, events_in_place(test)).failures == ()
