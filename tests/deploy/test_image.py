import fnmatch
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()


def instructions(name: str) -> list[str]:
    return [line.removeprefix(name).strip() for line in LINES if line.startswith(f"{name} ")]


def test_the_worker_is_pid_1():
    assert [json.loads(value) for value in instructions("ENTRYPOINT")] == [["python", "-m"]]


def test_it_runs_as_a_numbered_user_who_is_not_root():
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instructions("USER")[-1])


def test_every_package_comes_by_its_hash():
    installs = [part for run in instructions("RUN") for part in run.split("&&") if "pip install" in part]
    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-deps wheels/" in install


def test_what_it_copies_is_there_and_is_sent_to_the_builder():
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [source for copy in instructions("COPY") if not copy.startswith("--from") for source in copy.split()[:-1]]
    assert {*copied} >= {"schemas", "kenko", "services", "pyproject.toml"}
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, pattern) for pattern in sent), source


def test_pyproject_finds_the_files_it_names():
    text = (ROOT / "pyproject.toml").read_text()
    copied = " ".join(instructions("COPY"))
    for name in re.findall(r'^readme = "(.+)"|^license-files = \["(.+)"\]', text, flags=re.MULTILINE):
        assert "".join(name) in copied
    for folder in re.findall(r'^"(\w+)/[^"]+" = "kenko/', text, flags=re.MULTILINE):
        assert folder in copied.split()
