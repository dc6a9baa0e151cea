"""Models with several mistakes: all are found, each where it stands, and none is said twice in other words."""

from __future__ import annotations

import pytest

from kenko.model import ModelErrors, load_model

BROKEN = [
    # (what is wrong, what to replace by what in full.yaml, every mistake)
    (
        "lifecycle and traits",
        [
            ("ended: [Contract Ended]", "ended: [Contract Ended, Contract Renewed]"),
            ("onboarding: 30d\n", "onboarding: 30\n"),
            ("  renewal: 90d\n", "  renewel: 90d\n"),
            ("events: [group, account.updated", "events: [group, Contract Signed"),
            ("high: 5000, low: 500", "high: 400, low: 500"),
        ],
        [
            "10:10: lifecycle.ended: 'Contract Renewed' cannot both carry on and end a contract",
            '11:15: lifecycle.onboarding: expected a duration, found "30"',
            "12:3: lifecycle.renewel: unknown key",
            "14:19: traits.events[1]: 'Contract Signed' is an event of the lifecycle",
            "16:17: traits.touch.high: high touch must begin above low touch: 400 is not above 500",
        ],
    ),
    (
        "traits",
        [
            ("{renewal_date: [term_end]", "{Renewal-Date: [term_end]"),
            ("seats: [licenses]", "seats: []"),
            ("mrr: monthly_revenue", "mrr: [a, a]"),
            ("touch: {high: 5000, low: 500}", "touch: {}"),
        ],
        [
            "15:11: traits.names.Renewal-Date: 'Renewal-Date' is no name for a trait",
            "15:44: traits.names.seats: the list is empty",
            "15:57: traits.names.mrr[1]: 'a' is here twice",
            "16:10: traits.touch: the mapping is empty",
        ],
    ),
    (
        "undeclared traits",
        [
            ("{trait: seats}", "{trait: seatz}"),
            ("denominator: trait.seats", "denominator: trait.employees"),
            ("per: trait.seats", "per: trait.plan"),
            ("plan: [pro, max]", "segment: [pro, max]"),
            ("when: {touch: high}\n    clear", "when: {touch: heigh}\n    clear"),
        ],
        [
            "37:53: signals.seat_use.ratio.denominator: unknown trait 'employees'",
            "39:18: signals.seats.trait: unknown trait 'seatz'",
            "53:16: score.groups.support.inputs[0].per: the trait 'plan' is text, not a number",
            "74:19: rules[5].when.touch: 'heigh' is no touch",
            "81:55: profiles[1].when.segment: unknown trait 'segment'",
        ],
    ),
    (
        "references of derived signals",
        [
            ("numerator: reports", "numerator: report"),
            ("denominator: users}", "denominator: seat_use}"),
            ("of: minutes, baseline: 84d", "of: nps, baseline: 84d"),
            ("{trait: seats}", "{trait: trait.seats}"),
            ("numerator: users, denominator: trait.seats", "numerator: trait.mrr, denominator: trait.mrr"),
        ],
        [
            "36:30: signals.depth.ratio.numerator: unknown signal 'report'",
            "36:51: signals.depth.ratio.denominator: 'seat_use' is itself worked out from others",
            "37:57: signals.seat_use.ratio.denominator: a ratio of a thing to itself is always 1",
            "38:23: signals.trend.trend.of: a trend is of a count, a sum or active days, and 'nps' is none of them",
            "39:18: signals.seats.trait: expected the name of a trait, found 'trait.seats'",
        ],
    ),
    (
        "trends",
        [
            ("of: minutes, baseline: 84d", "of: minutes, baseline: 27d"),
            ("  seats: {trait: seats}", "  seats: {trend: {of: seat_use, baseline: 84d}}"),
            ("  tenure: {aggregate: tenure}", "  tenure: {trend: {of: minutes, baseline: 380d}}"),
            ("  renewal: {aggregate: days_to_renewal}", "  renewal: {trend: {of: users, baseline: 84d}}"),
        ],
        [
            "38:42: signals.trend.trend.baseline: a baseline is 1 to 26 times the window of 'minutes'",
            "39:23: signals.seats.trend.of: a trend is of a count, a sum or active days, and 'seat_use' is none of them",
            "40:43: signals.tenure.trend.baseline: the window of 'minutes' and the baseline together are at most 400d",
            "41:25: signals.renewal.trend.of: a trend is of a count, a sum or active days, and 'users' is none of them",
        ],
    ),
    (
        "shapes of signals",
        [
            ("tenure: {aggregate: tenure}", "tenure: {aggregate: tenure, window: 28d}"),
            ("  renewal: {aggregate: days_to_renewal}", '  renewal: {aggregate: days_to_renewal, match: {event: "*"}}'),
            ("ttv: {time_to: First Report Shared}", "ttv: {time_to: First Report Shared, window: 7d}"),
            ("seats: {trait: seats}", "seats: {trait: seats, ratio: {numerator: users, denominator: reports}}"),
            (
                "onboarding: {milestones: [Signed Up, Data Connected, Teammate Invited]}",
                "onboarding: {label: Onboarding}",
            ),
            ("csat: {match: {event: CSAT}, aggregate", "csat: {aggregate"),
        ],
        [
            "31:9: signals.csat: 'match' is missing",
            "34:15: signals.onboarding: 'aggregate' is missing",
            "35:39: signals.ttv.window: a signal of time_to has no 'window'",
            "39:11: signals.seats.trait: a signal is either 'ratio' or 'trait'",
            "40:31: signals.tenure.window: a signal that is read from time has no 'window'",
            "41:41: signals.renewal.match: a signal that is read from time has no 'match'",
        ],
    ),
    (
        "matches",
        [
            ("{prefix: billing.}", "{prefx: billing.}"),
            ("source: crm}", "source: []}"),
            ("event: Session Ended}", "event: Session Ended, not: [x]}"),
            ("{event: {prefix: ticket.}}", "{event: {prefix: 7}}"),
            ("{in: [pdf, csv]}", "{in: pdf}"),
            ("Report Exported, {prefix: report.}", '"*", {prefix: report.}, {prefix: report.}'),
        ],
        [
            "20:48: signals.minutes.match.not: 'not' has a meaning only with event: \"*\" or a prefix",
            "21:52: signals.users.match.not[1]: 'prefix' is missing",
            "21:53: signals.users.match.not[1].prefx: unknown key",
            "23:21: signals.reports.match.event[0]: '*' stands alone, not in a list",
            "23:45: signals.reports.match.event[2]: 'report.' is here twice",
            '23:107: signals.reports.match.properties.kind.in: expected a list of values, found "pdf"',
            "26:41: signals.crm_use.match.source: the list is empty",
            '32:37: signals.tickets.match.event.prefix: expected the beginning of an event name, found "7"',
        ],
    ),
    (
        "cel",
        [
            ('"properties.total * 2.0 > 100.0"', '"properties.total * > 100.0"'),
            ('{match: {event: "*", source: crm}', '{match: {event: "*", cel: "propertys.a == 1 && users > 2"}'),
            ("{match: {event: CSAT}", "{match: {event: CSAT, cel: 7}"),
        ],
        [
            "26:38: signals.crm_use.match.cel: unknown name 'propertys' in CEL",
            "26:38: signals.crm_use.match.cel: unknown name 'users' in CEL",
            "27:56: signals.big.match.cel: no CEL: extraneous input '>'",
            '31:36: signals.csat.match.cel: expected an expression in CEL, found "7"',
        ],
    ),
    (
        "aggregates",
        [
            ("{nps: properties.score}", "{nps: score}"),
            ("aggregate: {nps_average: properties.score}", "aggregate: nps_average"),
            ("aggregate: tenure", "aggregate: tenur"),
            ("{latest: properties.score}, stale_after: 90d", "{latest: properties.score}, stale_after: 400d"),
            ("{unique: user_id}, window: 7d", "{unique: user_id}, stale_after: 7d"),
        ],
        [
            "21:10: signals.users: 'window' is missing",
            "21:104: signals.users.stale_after: only a latest value and the answers of an NPS grow stale",
            "29:56: signals.nps.aggregate.nps: expected a property, found 'score'",
            "30:54: signals.nps_avg.aggregate: 'nps_average' needs a property",
            "31:84: signals.csat.stale_after: stale_after must be 1h to 365d",
            "40:23: signals.tenure.aggregate: unknown aggregate 'tenur'",
        ],
    ),
    (
        "steps",
        [
            ("{lte: 8, health: 60}", "{lte: 2, health: 160}"),
            ("{lt: 3, health: 100}", "{lt: 3, lte: 4, health: 100}"),
            ("{health: 0}]", "{lt: 9, health: 0}]"),
        ],
        [
            "55:35: score.groups.support.inputs[0].curve.steps[0].lte: a step ends at lt or at lte, not at both",
            "55:74: score.groups.support.inputs[0].curve.steps[1].health: 160 is not within 0 to 100",
            "55:81: score.groups.support.inputs[0].curve.steps[2].lt: the last step has no end",
        ],
    ),
    (
        "steps without ends",
        [
            ("{lt: 3, health: 100}, {lte: 8, health: 60}", "{health: 100}, {lte: 8}"),
            ("{points: [[0.2, 0], [0.8, 100]]}", "{points: [[0.2, 0], [0.8, 100]], half_life: 7d}"),
            ("curve: {points: [[0, 0], [1, 100]]}", "curve: {steps: [{health: 4}]}"),
        ],
        [
            "47:48: score.groups.adoption.inputs[0].curve: a curve is one of points, steps and half_life",
            "48:42: score.groups.adoption.inputs[1].curve.steps: a curve has 2 to 64 steps, found 1",
            "55:27: score.groups.support.inputs[0].curve.steps[0]: only the last step has no end",
            "55:42: score.groups.support.inputs[0].curve.steps[1]: 'health' is missing",
        ],
    ),
    (
        "inputs",
        [
            ("scale: 100\n", "scale: 0\n"),
            ("signal: trend, curve", "signal: trend, scale: 5, curve"),
            ("per: trait.seats", "per: depth"),
            ("missing: last}", "missing: latest}"),
            ("recency: {weight", "override: {weight"),
            ("signal: seen,", "signal: tenure,"),
        ],
        [
            "47:91: score.groups.adoption.inputs[0].missing: unknown word 'latest'",
            "48:27: score.groups.adoption.inputs[1].scale: 'scale' goes with 'per'",
            "53:16: score.groups.support.inputs[0].per: 'depth' is itself worked out from others",
            "54:18: score.groups.support.inputs[0].scale: a scale is above 0 and at most 1,000,000, found 0",
            "56:5: score.groups.override: 'override' is the name of what a person adds or takes away",
            "56:73: score.groups.override.inputs[0].curve.half_life: a half-life needs a signal with aggregate: recency",
        ],
    ),
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
            "96:13: tests[1].expect: expects nothing",
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
    (
        "expressions and sources",
        [
            ("source: crm}", "source: [crm, crm, 5]}"),
            ('"properties.total * 2.0 > 100.0"', '"properties.tags.exists(t, t == 1) && size(usr_id) > 3"'),
            ("ttv: {time_to: First Report Shared}", "ttv: {time_to: [First Report Shared, First Report Shared]}"),
            (
                "onboarding: {milestones: [Signed Up, Data Connected, Teammate Invited]}",
                "onboarding: {milestones: Signed Up}",
            ),
        ],
        [
            "26:47: signals.crm_use.match.source[1]: 'crm' is here twice",
            '26:52: signals.crm_use.match.source[2]: expected the name of a source, found "5"',
            "27:36: signals.big.match.cel: unknown name 'usr_id' in CEL",
            '34:28: signals.onboarding.milestones: expected a list of event names, found "Signed Up"',
            "35:40: signals.ttv.time_to[1]: 'First Report Shared' is here twice",
        ],
    ),
]


@pytest.mark.parametrize(("changes", "mistakes"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_every_mistake_of_a_model_is_found_where_it_stands(full, changes, mistakes):
    text = full
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(ModelErrors) as caught:
        load_model(text)
    assert [f"{e.line}:{e.column}: {e.path}: {e.message}" for e in caught.value.errors] == mistakes
