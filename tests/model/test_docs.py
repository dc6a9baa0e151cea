from __future__ import annotations

import re
from pathlib import Path

from kenko.model import load_model

PAGE = Path(__file__).parents[2] / "docs" / "model.md"


def test_the_example_of_the_page_is_a_model():
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    model = load_model(example)
    assert len(model.signals) == 7
    assert len(model.groups) == 4
