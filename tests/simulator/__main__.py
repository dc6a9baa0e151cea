"""`python -m tests.simulator --seeds 200`: exits with 1 where an invariant is broken, and says for which seed."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulator.faults import Fault
from tests.simulator.simulation import simulate
from tests.simulator.story import Written


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", choices=list(Fault), type=Fault, default=None, help="only faults of this kind")
    parser.add_argument("--without-faults", action="store_true")
    parser.add_argument("--all", action="store_true", help="go on after a seed that fails")
    parser.add_argument("--brief", action="store_true", help="no trace")
    given = parser.parse_args()
    begun = time.perf_counter()
    effective: Counter[str] = Counter()
    seeds: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    failed = []
    for seed in range(given.first, given.first + given.seeds):
        result = simulate(seed, only=given.only, without_faults=given.without_faults)
        effective += result.effective
        seeds.update({fault: 1 for fault, number in result.effective.items() if number})
        figures += result.figures
        if result.wrong:
            failed.append(seed)
            print(f"seed {seed}:\n  " + "\n  ".join(result.wrong[:6]) if given.brief else result, flush=True)
            if not given.all:
                break
    for fault in (*Fault, *Written):
        print(f"{fault:36} {effective[fault]:6} times, in {seeds[fault]:4} seeds")
    print(dict(figures))
    print(f"{given.seeds} seeds in {time.perf_counter() - begun:.1f} s, failed: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
