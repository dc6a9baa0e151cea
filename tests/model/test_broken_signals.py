"""Models with several mistakes in what they measure and weigh: all are found, and none is said twice in other words."""

from __future__ import annotations

import pytest

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
def test_every_mistake_is_found_where_it_stands(mistakes_after, changes, mistakes):
    assert mistakes_after(changes) == mistakes
