from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kenko.alerting.decide import decide
from kenko.alerting.policy import AlertPolicy
from kenko.alerting.reason import Reason
from schemas.alert import Notice
from schemas.base import to_ms

POLICY = AlertPolicy(receivers=("webhook",))
stories = st.lists(
    st.tuples(st.sampled_from(["red", "yellow", "green", None]), st.integers(0, 20)), min_size=1, max_size=40
)


def transitions_of(story, make):
    hours, items = 0, []
    for offset, (zone, wait) in enumerate(story):
        hours += wait
        items.append(make(zone, hours=hours, offset=offset))
    return items


def decisions_of(items):
    state, decisions = None, []
    for item in items:
        decision = decide(state, item, to_ms(item.time), POLICY)
        state = decision.state
        decisions.append(decision)
    return decisions


@given(story=stories)
def test_flapping_notifies_at_most_once_a_cooldown(transition, story):
    told = [d.state.time_ms for d in decisions_of(transitions_of(story, transition)) if d.notice is Notice.FIRING]
    assert all(later - earlier >= POLICY.cooldown_ms for earlier, later in pairwise(told))


@given(story=stories)
def test_every_stay_in_red_is_one_alert_and_firing_and_resolved_take_turns(transition, story):
    items = transitions_of(story, transition)
    decisions = decisions_of(items)
    entered = [i for i, item in enumerate(items) if item.to_zone == "red" and (i == 0 or items[i - 1].to_zone != "red")]
    assert [i for i, d in enumerate(decisions) if d.alert is not None and d.state.open is not None] == entered
    assert len({decisions[i].alert.id for i in entered}) == len(entered)
    notices = [d.notice for d in decisions if d.notice is not None]
    assert all(a is not b for a, b in pairwise(notices))
    assert notices[:1] in ([], [Notice.FIRING])


@given(story=stories, data=st.data())
def test_redelivery_of_any_stretch_changes_no_decision(transition, story, data):
    items = transitions_of(story, transition)
    once = decisions_of(items)
    repeated = []
    for position, item in enumerate(items):
        repeated.append(item)
        back = data.draw(st.integers(0, position + 1))
        repeated += items[position + 1 - back : position + 1]
    again = [d for d in decisions_of(repeated) if d.reason is not Reason.DUPLICATE]
    assert again == once
