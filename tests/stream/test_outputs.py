"""The records a runner writes say what the contracts say."""

from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from kenko.stream.outputs import score_record
from schemas.health import ScoreUpdate, Standing, Zone

updates = st.builds(
    ScoreUpdate,
    account_id=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
        lambda text: text == text.strip()
    ),
    model=st.text(st.characters(exclude_categories=["Cs"])),
    score_hash=st.text("0123456789abcdef"),
    time=st.datetimes(timezones=st.just(UTC)),
    partition=st.integers(0, 99),
    offset=st.integers(0, 2**62),
    standing=st.sampled_from(Standing),
    score=st.none() | st.integers(0, 10_000).map(lambda centi: centi / 100),
    zone=st.none() | st.sampled_from(Zone),
    churn_probability_90d=st.none() | st.floats(0, 1),
)


@given(updates)
def test_a_score_is_written_as_its_contract_and_keyed_by_its_account(update):
    record = score_record(update, "scores")
    assert ScoreUpdate.model_validate_json(record.value) == update
    assert (record.topic, record.key, record.partition) == ("scores", update.account_id.encode(), update.partition)
