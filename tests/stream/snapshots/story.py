"""Ten days of a log, and runners that keep its rows aside."""

from itertools import accumulate

from kenko.engine.identity import event_digest
from kenko.engine.recent_ids import RecentIds
from kenko.engine.restoring import row_offset
from kenko.stream.state_records import StateTopic

ACCOUNTS = ("acme", "globex", "initech", "hooli", "umbrella")
BUDGET = 2
"""Below the accounts that are due at once: at which tick one is scored depends on all the others."""


def write_story(bench, story, forgets_on=None):
    """Ten days: use that ends, repeats, traits, an override, a silent source, what is late or broken; a forget perhaps."""
    for day in range(10):
        start = story.start + day * story.day
        for number, account in enumerate(ACCOUNTS):
            if day < 4 + number % 3:
                bench.event(account, at_ms=start + number * story.hour, event_id=f"{account}-{day}")
        if day % 3 == 1:
            bench.traits(at_ms=start, seats=day + 3)
            bench.event("acme", at_ms=start - 80 * story.day)
        if day == 3:
            bench.override("globex", at_ms=start, score=20, until_ms=start + 3 * story.day)
            bench.source_state("api", at_ms=start, since_ms=start)
            bench.poison()
        if day == 5:
            bench.source_state("api", at_ms=start, since_ms=None)
        if day == forgets_on:
            bench.forget("hooli", at_ms=start)
            bench.event("hooli", at_ms=start)
        for hour in (1, 9, 17, 18):
            bench.tick(start + hour * story.hour)
            if day < 8:  # repeats: of this day, and of the day before
                bench.event("acme", at_ms=start, event_id=f"acme-{min(day, 3)}")
                bench.event("acme", at_ms=start, event_id=f"acme-{max(0, day - 1)}")
    # As the broker stamps them: what was heard of sources is noted by the hour, over the records of a batch.
    stamps = accumulate((record.timestamp for record in bench.log.records), max)
    bench.log.records = [r._replace(timestamp=at_ms) for r, at_ms in zip(bench.log.records, stamps, strict=True)]


def held(bench):
    """All that the store holds, in a form that does not depend on where commits were."""
    core, fence = bench.core, bench.core.fence()
    rows = {account: row for account, row in core.rows([*ACCOUNTS]).items() if row}
    digests = {event_digest("api", f"{account}-{day}") for account in ACCOUNTS for day in range(10)}
    known = {}
    for account, row in rows.items():
        ids = RecentIds(row.ids, row.tail, row_offset=row_offset(row.state))
        known[account] = {digest for digest in digests if not ids.add(digest, 1 << 40, fence.now_ms)}
    return {
        "fence": (fence.offset, fence.now_ms, dict(fence.counts), fence.silent, fence.heard, fence.forwarded),
        "rows": {account: row.state for account, row in rows.items()},
        "ids": known,
        "due": core.due(1 << 50, 1000),
        "scores": core.scores,
        "forgotten": core.forgotten(),
    }


def told(bench):
    """Every transition by its id; a repeat has to be the same."""
    found = {}
    for transition in bench.transitions():
        assert found.setdefault(transition.id, transition) == transition
    return found


def as_it_comes(bench, story, **parts):
    """The story, and nothing of it stands in the log yet."""
    write_story(bench, story, **parts)
    bench.to_come, bench.log.records, bench.log.end = bench.log.records, [], 0
    return bench


def marked(bench):
    """Offsets of the markers, in order."""
    topic = StateTopic("account-state", "small-12345678", 0)
    records = [r for r in bench.output.sent if r.topic == "account-state"]
    return [m.offset for r in records if (m := topic.read_marker(r.key, r.value))]


async def live(bench, runner, offset):
    """Records come a few at a time, up to `offset`, and each time all is committed."""
    while bench.log.end < offset:
        bench.log.end = min(offset, bench.log.end + 2)
        bench.log.records = [r for r in bench.to_come if bench.log.start <= r.offset < bench.log.end]
        await bench.until(runner, lambda: runner.fence_offset == bench.log.end)
    await bench.until(runner, lambda: runner.fence_offset == offset)


async def applied_to(bench, offset, **parts):
    """A runner that has committed everything below `offset`, snapshots going on."""
    runner = bench.runner(commit_every=1, due_budget=BUDGET, **parts)
    await live(bench, runner, offset)
    return runner


async def to_the_end(bench, **parts):
    """Another runner, from where the store stands to the end."""
    runner = await applied_to(bench, bench.to_come[-1].offset + 1, **parts)
    await runner.stop(5)
