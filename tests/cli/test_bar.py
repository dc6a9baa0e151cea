"""The progress bar of commands that take a while, where there is no terminal to draw one."""

import io

import pytest
from rich.console import Console
from rich.progress import TextColumn

from kenko.cli.bar import Bar, seconds_left
from kenko.runtime.clock import ManualClock


def test_without_a_terminal_it_prints_a_line_now_and_then():
    clock, said = ManualClock(100_000), io.StringIO()
    with Bar(
        TextColumn("{task.description}"), begins="reading", console=Console(file=said, width=20), clock=clock
    ) as bar:
        for seconds in range(25):
            bar.show("day", seconds / 25, f"after {seconds} seconds [of 25], in a line that is not broken")
            clock.advance(1000)
        assert bar.elapsed_s() == 25
    lines = [line for line in said.getvalue().splitlines() if line.strip()]
    assert [line for line in lines if "after" in line] == [
        f"after {seconds} seconds [of 25], in a line that is not broken" for seconds in (10, 20)
    ]


@pytest.mark.parametrize(("elapsed_s", "done", "left_s"), [(10, 0.5, 10), (30, 0.75, 10), (5, 0, 0), (5, 1, 0)])
def test_what_is_left_follows_from_the_pace_so_far(elapsed_s, done, left_s):
    assert seconds_left(elapsed_s, done) == left_s
