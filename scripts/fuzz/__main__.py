"""`python scripts/fuzz`: generated bodies at the parser of every dialect. Exit code 1 if one of them made it fail."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import count

from bodies import request, tortures
from outcomes import Reader

_CHUNK = 10_000
_Result = tuple[Counter[tuple[str, str]], list[str]]


def main() -> int:
    """Prints the count, the outcomes by dialect, and each crash with the numbers that repeat it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="generated bodies (default: a million)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="read only request N of the seed, and let it crash")
    given = parser.parse_args()
    if given.only is not None:
        parts = request(given.seed, given.only)
        print(parts)
        Reader().read(parts)
        return 0
    outcomes, crashes = _read_tortures()
    starts = range(0, given.count, _CHUNK)
    ends = [min(start + _CHUNK, given.count) for start in starts]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for more, failed in pool.map(_read_chunk, [given.seed] * len(starts), starts, ends):
            outcomes += more
            crashes += failed
    for (dialect, outcome), number in sorted(outcomes.items()):
        print(f"{dialect:12} {outcome:24} {number:>9,}")
    print(f"\n{given.count:,} bodies of seed {given.seed}, and the tortures of every path: {len(crashes)} crashes")
    print("\n\n".join(crashes[:20]))
    return 1 if crashes else 0


def _read_tortures() -> _Result:
    reader, crashes = Reader(), []
    for number, parts in zip(count(), tortures()):
        try:
            reader.read(parts)
        except Exception:  # noqa: BLE001 - each is what we look for
            crashes.append(f"torture {number} at {parts.path}\n{traceback.format_exc(limit=-4)}")
    return reader.outcomes, crashes


def _read_chunk(seed: int, start: int, end: int) -> _Result:
    reader, crashes = Reader(), []
    for number in range(start, end):
        try:
            reader.read(request(seed, number))
        except Exception:  # noqa: BLE001 - as above
            crashes.append(f"--seed {seed} --only {number}\n{traceback.format_exc(limit=-4)}")
    return reader.outcomes, crashes


if __name__ == "__main__":
    sys.exit(main())
