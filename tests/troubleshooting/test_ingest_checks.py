"""What is said of what ingest says."""

import pytest

from kenko.cli.doctor.checks import examine
from kenko.cli.doctor.facts import Unknown
from kenko.cli.doctor.finding import Status
from kenko.cli.doctor.ingest_checks import MENDS
from kenko.dialects.problems import ProblemCode

from .conftest import report

CHECKS = ("ingest.answers", "ingest.unattributed", "ingest.problems")


def test_every_kind_of_problem_has_a_mend():
    assert set(MENDS) == set(ProblemCode)


def test_an_ingest_that_nobody_names_is_no_fault(well):
    found = examine(well._replace(ingest=Unknown("no ingest is named: give --url")))
    assert {found[name].status for name in CHECKS} == {Status.SKIPPED}
    assert "give --url" in found["ingest.answers"].says


def test_an_ingest_that_does_not_answer_is_one_failure(well):
    found = examine(well._replace(ingest=Unknown("ingest does not answer", error="it answers 401: the key may not")))
    assert [name for name, finding in found.items() if finding.status is Status.FAIL] == ["ingest.answers"]
    assert "it answers 401" in found["ingest.answers"].says
    assert "--scope read" in found["ingest.answers"].mend
    assert found["ingest.problems"].says == "Cannot be looked at: ingest does not answer."


def test_how_many_were_accepted_is_said(well):
    said = examine(well._replace(ingest=report(("a", 1200, {"missing": 30}), ("b", 0, {}))))["ingest.answers"].says
    assert said == "This process of ingest has accepted 1,200 of 1,230 events since 2027-01-14 08:00 UTC."


@pytest.mark.parametrize(
    ("sources", "status", "says"),
    [
        ([("crm", 95, {"unattributed": 5})], "ok", "No source has more than 5%"),
        ([("crm", 94, {"unattributed": 6})], "warn", "crm 6.0% (6 of 100)"),
        # what is refused is of the source's events, too
        ([("crm", 90, {"unattributed": 5, "missing": 5})], "ok", "No source"),
        ([("crm", 90, {"unattributed": 10}), ("web", 1, {"unattributed": 3})], "fail", "web 75.0% (3 of 4), crm 10.0%"),
        ([("crm", 0, {})], "ok", "No source"),
    ],
)
def test_sources_of_which_much_is_unattributed(well, sources, status, says):
    found = examine(well._replace(ingest=report(*sources)))["ingest.unattributed"]
    assert found.status == status
    assert says in found.says
    assert status == "ok" or "kenko dlq retry --reason unattributed --learn 7d" in found.mend


def test_the_top_problems_have_their_mends(well):
    sources = [
        ("crm", 900, {"missing": 8, "in_the_future": 2, "unattributed": 50}),
        ("web", 900, {"reserved": 30, "of_a_later_release": 4, "missing": 1}),
    ]
    found = examine(well._replace(ingest=report(*sources)))["ingest.problems"]
    assert found.status is Status.WARN
    assert found.says == (
        "45 events were refused since 2027-01-14 08:00 UTC, most of them: web reserved 30 (reserved it is);"
        " crm missing 8 (missing it is); web of_a_later_release 4 (of_a_later_release it is)."
    )
    assert found.mend.startswith("web: rename the event")
    assert "crm: send the field that the message names; web: do as the message says." in found.mend


def test_a_source_of_which_most_is_refused_is_a_failure(well):
    assert examine(well._replace(ingest=report(("a", 5, {"missing": 5}))))["ingest.problems"].status is Status.FAIL
    assert examine(well._replace(ingest=report(("a", 6, {"missing": 5}))))["ingest.problems"].status is Status.WARN
    # without an account is another check's
    only = examine(well._replace(ingest=report(("a", 0, {"unattributed": 5}))))
    assert only["ingest.problems"].status is Status.OK


def test_what_senders_chose_steers_no_terminal(well):
    facts = report(("\x1b[2J" + "x" * 100, 0, {"missing": 5, "unattributed": 9}))
    found = examine(well._replace(ingest=facts))
    for name in ("ingest.unattributed", "ingest.problems"):
        assert "\x1b" not in found[name].says + found[name].mend
        assert "x" * 60 not in found[name].says
