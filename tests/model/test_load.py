from __future__ import annotations

import json

import pytest
import yaml

from kenko.model import load_model
from kenko.model.durations import parse_duration
from kenko.model.score_spec import Boundary, Cap, HalfLife, Missing, Points
from kenko.model.signal_spec import Comparison, Count, Latest, Milestones, Op, PropertyTest, Recency, Sum, Unique

DAY_MS = 86_400_000


def test_every_part_is_read(text):
    model = load_model(text)
    signals = {signal.name: signal for signal in model.signals}
    assert (model.name, model.version, model.base.new_account_grace_ms) == ("default", 7, 14 * DAY_MS)
    assert list(signals) == sorted(signals), "their place in a row must not depend on their order in the text"
    assert signals["active_users_7d"].aggregate == Unique(property=None)
    assert signals["active_users_7d"].match.events is None
    assert signals["active_users_7d"].match.excluded == ("Ticket Opened",)
    assert signals["active_users_7d"].window_ms == 7 * DAY_MS
    assert signals["exports_28d"].aggregate == Count()
    assert signals["exports_28d"].match.tests == (
        PropertyTest(property="rows", op=Op.GTE, operand=100.0),
        PropertyTest(property="plan", op=Op.IN, operand=("pro", "team")),
    )
    assert signals["minutes_28d"].aggregate == Sum(property="minutes")
    assert signals["minutes_28d"].match.events == ("Session Ended", "Call Ended")
    assert signals["nps"].aggregate == Latest(property="score", stale_after_ms=180 * DAY_MS)
    assert signals["last_seen"].aggregate == Recency()
    assert signals["onboarding"].aggregate == Milestones(steps=("Signed Up", "Data Connected"))
    adoption = model.base.groups[0]
    assert (adoption.name, adoption.weight) == ("adoption", 50)
    assert [i.weight for i in adoption.inputs] == [2, 1]
    assert [i.missing for i in adoption.inputs] == [Missing.REDISTRIBUTE, Missing.WORST]
    assert adoption.inputs[1].curve == Points(points=((0, 0), (10, 100)))
    assert model.base.groups[2].inputs[0].curve == HalfLife(half_life_ms=7 * DAY_MS)
    assert model.base.caps == (Cap(signal="nps", tests=(Comparison(op=Op.LTE, operand=3),), at_most=39),)
    assert model.base.zones.red == Boundary(below=40, clear_above=45, for_ms=0)
    assert model.base.zones.yellow == Boundary(below=70, clear_above=74, for_ms=3_600_000)
    assert (model.lifecycle.started, model.lifecycle.ended) == (("Contract Signed",), ("Contract Ended",))


def test_labels_and_units_have_defaults(text):
    signals = {signal.name: signal for signal in load_model(text).signals}
    assert signals["minutes_28d"].label() == "minutes in the product"
    assert signals["minutes_28d"].label("ja") == "利用時間"
    assert signals["minutes_28d"].label("fr") == "minutes in the product"
    assert signals["active_users_7d"].label() == "active users 7d"
    units = {name: signal.unit for name, signal in signals.items()}
    assert units == {
        "active_users_7d": "users",
        "exports_28d": "",
        "last_seen": "days",
        "minutes_28d": "minutes",
        "nps": "",
        "onboarding": "share",
    }


def test_the_horizon_is_the_longest_look_back_and_at_least_35_days(text):
    assert load_model(text).horizon_ms == 180 * DAY_MS
    assert load_model(text.replace("    stale_after: 180d\n", "")).horizon_ms == 35 * DAY_MS


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_is_the_same_model(text, indent):
    same = load_model(json.dumps(yaml.safe_load(text), indent=indent))
    assert same == load_model(text)
    assert same.score_hash == load_model(text).score_hash


def test_json_numbers_and_escapes_are_read_as_json_writes_them(text):
    plain = yaml.safe_load(text)
    plain["signals"]["nps"]["label"] = "smile 😀 / é"
    written = json.dumps(plain).replace('"below": 40', '"below": 4e1')
    model = load_model(written)
    assert model.base.zones.red.below == 40
    assert next(s for s in model.signals if s.name == "nps").label() == "smile 😀 / é"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("90s", 90_000),
        ("90m", 5_400_000),
        ("12h", 43_200_000),
        ("7d", 7 * DAY_MS),
        ("2w", 14 * DAY_MS),
        ("7", None),  # a number without a unit says nothing
        ("-7d", None),
        ("1.5d", None),
        ("7 d", None),
        ("7D", None),
        ("", None),
        ("\u0667d", None),  # digits of other scripts
        ("1d12h", None),
    ],
)
def test_durations(text, ms):
    assert parse_duration(text) == ms
