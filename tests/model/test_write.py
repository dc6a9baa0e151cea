"""Writing numbers into the text of a model: only they change."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kenko.model.write import ModelText, UnwritableError, number

BLOCK = """\
score:
  groups:
    use:
      weight: 3   # of four
      inputs:
        # The first.
        - signal: a  # it counts
          curve:
            points:
              - [0, 0]
              - [1, 100]
          # After the curve.
        - {signal: b, weight: 2, curve: &c {points: [[0, 0], [5, 100]]}}
        - {signal: d, curve: *c}
zones: {red: {below: 40}}
"""
INPUTS = ("score", "groups", "use", "inputs")


def changed(text, change):
    editor = ModelText(text)
    change(editor)
    return editor.text()


def test_a_number_is_replaced_and_its_comment_stays():
    text = changed(BLOCK, lambda editor: editor.set_number(("score", "groups", "use", "weight"), 41.5))
    assert text == BLOCK.replace("weight: 3 ", "weight: 41.5 ")


@pytest.mark.parametrize("place", [0, 1])
def test_a_missing_weight_is_added_to_its_input_alone(place):
    text = changed(BLOCK, lambda editor: editor.set_number((*INPUTS, place, "weight"), 7))
    inputs = yaml.safe_load(text)["score"]["groups"]["use"]["inputs"]
    assert [item.get("weight") for item in inputs] == ([7, 2, None] if place == 0 else [None, 7, None])
    assert "- signal: a  # it counts\n" in text


def test_a_block_curve_gives_way_to_one_line_and_the_comment_after_it_stays():
    text = changed(BLOCK, lambda editor: editor.set_points((*INPUTS, 0, "curve"), [(0, 5), (2.5, 100)]))
    assert "          curve: {points: [[0, 5], [2.5, 100]]}\n          # After the curve.\n" in text
    yaml.safe_load(text)


def test_an_anchor_stays_where_its_value_changes():
    text = changed(BLOCK, lambda editor: editor.set_points((*INPUTS, 1, "curve"), [(0, 1), (9, 99)]))
    assert "curve: &c {points: [[0, 1], [9, 99]]}" in text


def test_an_alias_is_refused_with_its_place():
    with pytest.raises(UnwritableError, match=r"score\.groups\.use\.inputs\[2\]\.curve: is an alias"):
        changed(BLOCK, lambda editor: editor.set_points((*INPUTS, 2, "curve"), [(0, 1), (9, 99)]))


def test_what_a_merge_brings_in_is_refused():
    text = "base: &b {weight: 1}\nscore:\n  <<: *b\n  other: {weight: 2}\n"
    with pytest.raises(UnwritableError, match="is not in the text by itself"):
        changed(text, lambda editor: editor.set_number(("score", "missing", "weight"), 7))


def test_a_calibration_is_added_once_and_then_replaced_with_its_comment():
    once = changed(BLOCK, lambda editor: editor.set_calibration("90d", [(0, 0.5), (100, 0)], "Fitted by kenko: 1."))
    assert once == BLOCK + "\n# Fitted by kenko: 1.\ncalibration: {within: 90d, points: [[0, 0.5], [100, 0]]}\n"
    twice = changed(once, lambda editor: editor.set_calibration("60d", [(0, 0.4), (100, 0)], "Fitted by kenko: 2."))
    assert twice == BLOCK + "\n# Fitted by kenko: 2.\ncalibration: {within: 60d, points: [[0, 0.4], [100, 0]]}\n"


def test_json_stays_json():
    text = json.dumps({"score": {"weight": 1, "inputs": [{"signal": "a"}]}, "zones": {}}, indent=1)

    def change(editor):
        editor.set_number(("score", "inputs", 0, "weight"), 2)
        editor.set_calibration("90d", [(0, 0.5), (100, 0)], "no place for a comment")

    found = json.loads(changed(text, change))
    assert found["score"]["inputs"] == [{"signal": "a", "weight": 2}]
    assert found["calibration"] == {"within": "90d", "points": [[0, 0.5], [100, 0]]}


def test_windows_line_ends_and_signs_beyond_ascii_do_not_shift_the_places():
    text = "label: 健康 🩺\r\nscore: {weight: 1}  # 重み\r\n"
    assert changed(text, lambda editor: editor.set_number(("score", "weight"), 2)) == text.replace(": 1}", ": 2}")


@given(st.floats(min_value=-1e12, max_value=1e12).filter(lambda value: value == 0 or abs(value) > 1e-9))
def test_a_number_is_read_as_it_was_written(value):
    assert float(json.loads(number(value))) == pytest.approx(value, rel=1e-9, abs=1e-12)
