"""Models with several mistakes in rules, zones, profiles, calibration and tests: all are found, each where it stands."""

from __future__ import annotations

import pytest

BROKEN = [
    # (what is wrong, what to replace by what in full.yaml, every mistake)
    (
        "rules without conditions",
        [
            ("drop: {points: 15, within: 7d}", "for: 7d"),
            ("kind: sentiment, ", ""),
            ("name: stalled", "name: zone"),
            ("name: renewal-at-risk", "name: gone-quiet"),
            ("kind: expansion", "kind: expanding"),
        ],
        [
            "64:5: rules[0]: a rule needs a condition",
            "66:5: rules[2]: 'kind' is missing",
            "67:12: rules[3].name: 'zone' has a meaning of its own",
            "68:12: rules[4].name: the rule 'gone-quiet' is here twice",
            "70:11: rules[5].kind: unknown word 'expanding'",
        ],
    ),
    (
        "conditions of rules",
        [
            ("{points: 15, within: 7d}", "{points: 0, within: 36h}"),
            ("{factor: 4, at_least: 3d}", "{factor: 0.5, atleast: 3d}"),
            ("{nps: {lte: 6}}", "{npss: {lte: 6}, nps: {below: 6}, csat: 6, seen: {}}"),
            ("age: {gte: 21d}", "age: {gte: 21}"),
            ("zone: [red, yellow]", "zone: [red, rot, red]"),
            ("renewal_within: 90d}", "renewal_within: 0d}"),
            ("when: {touch: high}\n    clear_for: 7d", "when: {}\n    clear_for: 400d"),
        ],
        [
            "64:83: rules[0].drop.points: a drop is above 0",
            "64:94: rules[0].drop.within: a drop is looked for in whole days, 1d to 400d",
            "65:55: rules[1].silence.factor: 0.5 is not within 1 to 1000",
            "65:60: rules[1].silence.atleast: unknown key",
            "66:49: rules[2].signal.npss: unknown signal 'npss'",
            "66:71: rules[2].signal.nps.below: unknown key",
            "66:88: rules[2].signal.csat: expected comparisons",
            "66:97: rules[2].signal.seen: needs a comparison",
            '67:81: rules[3].age.gte: expected a duration, found "21"',
            "68:56: rules[4].zone[1]: unknown word 'rot'",
            "68:61: rules[4].zone[2]: 'red' is here twice",
            "68:83: rules[4].renewal_within: renewal_within is 1h to 365d",
            "74:11: rules[5].when: needs a condition",
            "75:16: rules[5].clear_for: at most 365d",
        ],
    ),
    (
        "names of rules",
        [
            ("name: fast-drop", "name: Fast Drop"),
            ("name: detractor", "name: 7"),
            ("ja: 急落", "japanisch: 急落"),
            ("{signal: nps, lte: 3}", "{signal: nps, below: 3}"),
        ],
        [
            "58:31: score.caps[0].when.below: unknown key",
            "64:12: rules[0].name: 'Fast Drop' is no name for a rule",
            "64:59: rules[0].label.japanisch: 'japanisch' is no language",
            '66:12: rules[2].name: expected a name, found "7"',
        ],
    ),
    (
        "zones of a profile",
        [("below: 30, clear_above: 35", "below: 30, clear_above: 25"), ("{below: 50, clear_above: 55}", "{below: 75}")],
        [
            "79:52: profiles[0].override.zones.red.clear_above: clear_above must be above below: 25 is not above 30",
            "83:26: profiles[1].override.zones.red.below: clear_above must be above below: 45 is not above 75",
            "83:26: profiles[1].override.zones.red.below: yellow must begin above red: 70 is not above 75",
        ],
    ),
    (
        "paths of a profile",
        [
            (
                "{zones.red: {below: 30, clear_above: 35}, score.new_account_grace: 7d}",
                "{zone.red.below: 30, zones.rad.below: 3, score.new_account_gracee: 7d, signals.nps: {}}",
            ),
            (
                "zones.red: {below: 50, clear_above: 55}",
                "score.groups.adption.weight: 3\n      score.caps.nps: 3\n      zones.red.below.x: 3",
            ),
        ],
        [
            "79:16: profiles[0].override.zone.red.below: a profile changes score, zones and rules",
            "79:36: profiles[0].override.zones.rad.below: unknown path: zones has no 'rad'",
            "79:56: profiles[0].override.score.new_account_gracee: unknown key",
            "79:86: profiles[0].override.signals.nps: a profile changes score, zones and rules",
            "83:7: profiles[1].override.score.groups.adption.weight: unknown path: score.groups has no 'adption'",
            "84:7: profiles[1].override.score.caps.nps: score.caps is a list",
            "85:7: profiles[1].override.zones.red.below.x: there is nothing below zones.red.below to change",
        ],
    ),
    (
        "a profile's own parts",
        [
            ("name: onboarding\n    when", "name: none\n    when"),
            ("when: {lifecycle: onboarding}", "when: {}"),
            ("override: {zones.red: {below: 30, clear_above: 35}, score.new_account_grace: 7d}", "override: {}"),
            ("trait.seats: {gte: 50}", "trait.seats: {gte: many}, seats: 5, renewal_date: {gte: 5}"),
            ("plan: [pro, max]}", "plan: []}"),
        ],
        [
            "77:11: profiles[0].name: 'none' has a meaning of its own",
            "78:11: profiles[0].when: needs a condition",
            "79:15: profiles[0].override: changes nothing",
            '81:50: profiles[1].when.trait.seats.gte: expected a number, found "many"',
            "81:57: profiles[1].when.seats: the trait 'seats' is here twice",
            "81:81: profiles[1].when.renewal_date: a date cannot be compared here",
            "81:97: profiles[1].when.plan: the list is empty",
        ],
    ),
    (
        "what a profile lays over",
        [
            (
                "{zones.red: {below: 30, clear_above: 35}, score.new_account_grace: 7d}",
                "{score.groups.adoption.inputs: [{signal: seat_usee, curve: {half_life: 7d}}], score.missing: never}",
            ),
            ("silence: {factor: 2}", "silnce: {factor: 2}"),
        ],
        [
            "79:56: profiles[0].override.score.groups.adoption.inputs[0].signal: unknown signal 'seat_usee'",
            "79:108: profiles[0].override.score.missing: unknown word 'never'",
            "84:15: profiles[1].override.rules[0]: a rule needs a condition",
            "84:47: profiles[1].override.rules[0].silnce: unknown key",
        ],
    ),
    (
        "a mistake of the model is not one of each profile",
        [
            ("red: {below: 40, clear_above: 45, for: 0s}", "red: {below: 40, clear_above: 40, for: soon}"),
            ("weight: 15\n", "weight: none\n"),
            ("signal: seen,", "signal: sean,"),
            ("name: stalled", "name: stalled!"),
            ("missing: redistribute", "missing: none"),
        ],
        [
            '50:15: score.groups.support.weight: expected a weight, found "none"',
            "56:45: score.groups.recency.inputs[0].signal: unknown signal 'sean'",
            "57:12: score.missing: unknown word 'none'",
            '61:42: zones.red.for: expected a duration, found "soon"',
            "67:12: rules[3].name: 'stalled!' is no name for a rule",
        ],
    ),
    (
        "a model without a score has profiles still",
        [
            ("score:\n", "scor:\n"),
            ("{below: 50, clear_above: 55}", "{below: 75}"),
            ("name: enterprise", "name: onboarding"),
        ],
        [
            "1:1: : 'score' is missing",
            "42:1: scor: unknown key",
            "80:11: profiles[1].name: the profile 'onboarding' is here twice",
        ],
    ),
    (
        "calibration",
        [
            ("within: 90d, points", "within: 2y, points"),
            ("[50, 0.1], [100, 0.01]", "[50, 0.5], [40, 0.01], [100, 1.5], [3]"),
        ],
        [
            '85:23: calibration.within: expected a duration, found "2y"',
            "85:46: calibration.points[1]: a higher score cannot mean a higher probability of leaving: 0.5 comes after 0.4",
            "85:57: calibration.points[2]: scores must increase from point to point: 40 comes after 50",
            "85:75: calibration.points[3][1]: 1.5 is not within 0 to 1",
            "85:81: calibration.points[4]: a point is [score, probability], found 1 parts",
        ],
    ),
    (
        "tests",
        [
            ("at: +21d", "at: 21"),
            ("zone: red, score: {lt: 40}", "zone: rot, score: {below: 40}"),
            (
                "rules: [gone-quiet], standing: scored, profile: enterprise",
                "rules: [gone-quit], standing: score, profile: enterprize",
            ),
            ("every: 1d, until: 20d", "every: 1d"),
            ("{event: Contract Signed, at: 0d}", "{event: Contract Signed, at: 3d, every: 1s, until: 2d}"),
            ("name: written in place", "name: a silent account goes red"),
        ],
        [
            '90:9: tests[0].at: expected a length of time, found "21"',
            "91:20: tests[0].expect.zone: unknown word 'rot'",
            "91:33: tests[0].expect.score.below: unknown key",
            "91:53: tests[0].expect.rules[0]: unknown rule 'gone-quit'",
            "91:75: tests[0].expect.standing: unknown word 'score'",
            "91:91: tests[0].expect.profile: unknown profile 'enterprize'",
            "94:50: tests[1].events[0].every: 'every' goes with 'until'",
            "95:49: tests[1].events[1].every: at least a minute",
            "95:60: tests[1].events[1].until: ends before it begins",
        ],
    ),
    (
        "tests that say too little",
        [
            ("    events: fixtures/silent.jsonl\n", ""),
            ("expect: {zone: none, standing: churned, rules: [], profile: none}", "expect: {}"),
            ("at: 0d, every: 1d, until: 20d", "at: 0d, every: 1m, until: 20d"),
        ],
        [
            "87:5: tests[0]: 'events' is missing",
            "93:7: tests[1].events: a test has at most 20,000 events, repeats counted",
            "100:13: tests[1].expect: expects nothing",
        ],
    ),
    (
        "what a test tells besides events",
        [
            ("{event: Contract Signed, at: 0d}", "{at: 0d}"),
            ("{event: Deal Won, source: erp, at: 1d}", "{event: Deal Won, source: 5, traits: {seats: 1}, at: 1d}"),
            (
                "{traits: {seats: 40, owner: null}, at: 2d}",
                "{traits: {seats: [4], owner: , plan: pro}, user: ann, at: 2d}",
            ),
            ("{override: {score: 35, until: 30d}, at: 3d}", "{override: {score: 350, until: 2d, why: x}, at: 3d}"),
            ("{override: {score: null}, at: 20d}", "{override: {until: 30d}, every: 1d}"),
        ],
        [
            "95:9: tests[1].events[1]: 'event' is missing",
            '96:35: tests[1].events[2].source: expected who sent it, found "5"',
            "96:38: tests[1].events[2].traits: 'traits' does not go with 'event'",
            "97:26: tests[1].events[3].traits.seats: expected text, a number, true or false, found a list",
            "97:37: tests[1].events[3].traits.owner: expected text, a number, true or false, found nothing",
            "97:52: tests[1].events[3].user: 'user' goes with 'event'",
            "98:28: tests[1].events[4].override.score: 350 is not within 0 to 100",
            "98:40: tests[1].events[4].override.until: ends before it begins",
            "98:44: tests[1].events[4].override.why: unknown key",
            "99:9: tests[1].events[5]: 'at' is missing",
            "99:20: tests[1].events[5].override: 'score' is missing",
            "99:34: tests[1].events[5].every: 'every' goes with 'event'",
        ],
    ),
    (
        "what a profile sets twice",
        [
            (
                "{zones.red: {below: 30, clear_above: 35}, score.new_account_grace: 7d}",
                "{zones.red: {below: 30, clear_above: 35}, zones.red.below: 31, score.caps: [], score: {caps: []}}",
            ),
            (
                "override:\n      zones.red: {below: 50, clear_above: 55}\n      rules:",
                "override:\n      zones: [red]\n      rules.gone-quiet.factor: 2\n      rules:",
            ),
        ],
        [
            "79:57: profiles[0].override.zones.red.below: zones.red.below is set twice",
            "79:102: profiles[0].override.score.caps: score.caps is set twice",
            "83:14: profiles[1].override.zones: expected a mapping with red, yellow, found a list",
            "84:7: profiles[1].override.rules.gone-quiet.factor: rules is a list",
        ],
    ),
]


@pytest.mark.parametrize(("changes", "mistakes"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_every_mistake_is_found_where_it_stands(mistakes_after, changes, mistakes):
    assert mistakes_after(changes) == mistakes
