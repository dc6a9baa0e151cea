"""AsyncAPI's own parser on our document."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from schemas.generate import ASYNCAPI, HERE
from schemas.topics import Topic

pytestmark = pytest.mark.external

PARSER = Path(__file__).parent / "asyncapi"


def test_the_document_is_valid_for_the_parser_of_asyncapi(tmp_path):
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("node and npm are not on the PATH")
    copied = shutil.copytree(PARSER, tmp_path / "parser", ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run([npm, "ci", "--ignore-scripts"], cwd=copied, check=True, capture_output=True)

    command = [node, str(copied / "validate.js"), str(HERE / ASYNCAPI)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    answer = json.loads(said)
    # That 3.1 is out is all it may say.
    assert [problem for problem in answer["found"] if problem["code"] != "asyncapi-latest-version"] == []
    assert answer["version"] == "3.0.0"
    assert answer["channels"] == list(Topic)
