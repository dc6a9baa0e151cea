"""A live model, the one that takes over, and twelve days of a log."""

from kenko.engine.scorer import Scorer

LIVE = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
signals:
  uses_7d: {match: {event: "*"}, aggregate: count, window: 7d}
  last_seen: {match: {event: "*"}, aggregate: recency}
  exports_7d: {match: {event: Report Exported}, aggregate: count, window: 7d}
  rows_28d: {match: {event: Report Exported}, aggregate: {sum: properties.rows}, window: 28d}
score:
  groups:
    use: {weight: 50, inputs: [{signal: uses_7d, curve: {points: [[0, 0], [5, 100]]}}]}
    rows: {weight: 10, inputs: [{signal: rows_28d, curve: {points: [[0, 0], [5, 100]]}}]}
    recency: {weight: 50, inputs: [{signal: last_seen, curve: {points: [[1, 100], [8, 0]]}}]}
  new_account_grace: 2d
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 1h}
rules:
  - {name: few-exports, kind: churn, signal: {exports_7d: {lte: 1}}}
  - {name: quiet, kind: churn, signal: {last_seen: {gte: 3}}}
"""

NEXT = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 2}
signals:
  uses_14d: {match: {event: "*"}, aggregate: count, window: 14d}
  last_seen: {match: {event: "*"}, aggregate: recency}
  exported_rows: {match: {event: Report Exported}, aggregate: {sum: properties.rows}, window: 28d}
  days_14d: {match: {event: "*"}, aggregate: active_days, window: 14d}
score:
  groups:
    use: {weight: 70, inputs: [{signal: uses_14d, curve: {points: [[0, 0], [5, 100]]}}]}
    days: {weight: 15, inputs: [{signal: days_14d, curve: {points: [[0, 0], [5, 100]]}}]}
    rows: {weight: 5, inputs: [{signal: exported_rows, curve: {points: [[0, 0], [5, 100]]}}]}
    recency: {weight: 10, inputs: [{signal: last_seen, curve: {points: [[1, 100], [8, 0]]}}]}
  new_account_grace: 2d
zones:
  red: {below: 30, clear_above: 35, for: 0s}
  yellow: {below: 85, clear_above: 90, for: 1h}
rules:
  - {name: quiet, kind: churn, signal: {last_seen: {gte: 3}}}
  - {name: busy, kind: expansion, signal: {days_14d: {gte: 5}}}
"""
ACCOUNTS = ("acme", "globex", "initech", "umbrella", "hooli")


def tell(bench, story, days=12, first=0):
    """As `story`, with traits, an override and rows; one account is used all along, one ends early."""
    for day in range(first, days):
        at = story.start + day * story.day
        for number, account in enumerate(ACCOUNTS):
            if day < 1 + 2 * number:
                bench.event(account, at_ms=at + number * story.hour, properties={"rows": 1})
        if day == 1:
            bench.traits("acme", at_ms=at + 6 * story.hour, seats=5, owner="sato@example.com")
            bench.override("globex", at_ms=at + 6 * story.hour, score=90, until_ms=at + 4 * story.day)
        for hour in (1, 9, 17):
            bench.tick(at + hour * story.hour)


def decoded(bench, accounts=ACCOUNTS):
    scorer = Scorer(bench.model)
    return {a: scorer.decode(a, row.state) for a, row in bench.core.rows(accounts).items() if row}


def told_of(bench, after=0):
    """What was told of each rule and account by now, from all transitions."""
    zones, rules = {}, {}
    for t in bench.transitions()[after:]:
        if t.is_of_zone:
            zones[t.account_id] = t.to_zone
        else:
            rules[t.account_id, t.rule] = t.holds
    return zones, rules


def is_consistent(bench):
    """What was told, all in all, is what the rows say."""
    zones, rules = told_of(bench)
    for account, state in decoded(bench).items():
        assert zones.get(account) is state.zone
        held = {rule for rule, (holds, _) in state.rules.items() if holds}
        assert held == {rule for (whose, rule), holds in rules.items() if whose == account and holds}


async def settled(bench, **how):
    """A runner of this bench that has cut over and stands at the end of the log."""
    runner = bench.runner(**how)
    await bench.until(runner, lambda: bench.keyspaces.live == bench.name and runner.next_offset == bench.log.end)
    await runner.stop(5)
    return runner
