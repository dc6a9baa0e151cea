"""A parent's health is the mean of its children, weighed by what they pay."""

from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.rollup import Child, roll_up
from schemas.health import Standing, Zone


def child(account_id, score, mrr=None, zone=Zone.GREEN, standing=Standing.SCORED):
    return Child(account_id, standing, score, zone, mrr)


children = st.lists(
    st.builds(
        Child,
        st.text("abc", min_size=1, max_size=3),
        st.sampled_from(Standing),
        st.none() | st.integers(0, 10_000),
        st.none() | st.sampled_from(Zone),
        st.none() | st.floats(0, 1e9, allow_nan=False),
    ),
    max_size=12,
)


def test_who_pays_more_weighs_more():
    rolled = roll_up([child("small", 9000, 100.0), child("big", 3000, 900.0, Zone.RED)])
    assert rolled.score == 3600
    assert [(share.child.account_id, share.weight, share.points) for share in rolled.shares] == [
        ("big", 0.9, 2700),
        ("small", 0.1, 900),
    ]
    assert (rolled.worst, rolled.mrr, rolled.mrr_in_red) == (Zone.RED, 1000.0, 900.0)


def test_an_unknown_revenue_weighs_as_the_mean_of_the_known():
    assert roll_up([child("a", 0, 100.0), child("b", 0, 300.0), child("c", 6000)]).score == 2000


def test_without_any_revenue_all_weigh_the_same():
    assert roll_up([child("a", 2000), child("b", 4000)]).score == 3000
    assert roll_up([child("a", 2000, 0.0), child("b", 4000, 0.0)]).score == 3000


def test_who_left_or_has_no_score_takes_no_part():
    gone = child("gone", None, 500.0, None, Standing.CHURNED)
    fresh = child("fresh", None, 50.0, None, Standing.UNKNOWN)
    rolled = roll_up([gone, fresh, child("a", 7000, 100.0, Zone.YELLOW)])
    assert (rolled.score, rolled.worst, rolled.mrr) == (7000, Zone.YELLOW, 150.0)
    assert roll_up([gone]) == (None, None, 0, 0, ())


@given(children)
def test_the_points_add_up_and_order_does_not_matter(group):
    rolled = roll_up(group)
    assert (rolled.score is None) == (not rolled.shares)
    if rolled.score is not None:
        assert sum(share.points for share in rolled.shares) == rolled.score
        scores = [share.child.score for share in rolled.shares]
        assert min(scores) <= rolled.score <= max(scores)
        assert abs(sum(share.weight for share in rolled.shares) - 1) < 1e-9
    unique = {item.account_id: item for item in group}.values()
    assert roll_up(list(unique)).score == roll_up(list(unique)[::-1]).score
