"""What outsiders wrote reaches no terminal as it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.cli.printable import dump, printable, printable_bytes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Report Exported", "Report Exported"),
        ("日本 😀 é", "日本 😀 é"),
        # ANSI: in colour, the title of the window, C1
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("two\nlines\r", "two\\nlines\\r"),
        # right to left override, zero width, a tag
        ("a\u202eb\u200bc\U000e0041", "a\\u202eb\\u200bc\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_shown(text, shown):
    assert printable(text) == shown


@given(st.text(alphabet=st.characters(codec=None)))
def test_nothing_that_steers_a_terminal_comes_through(text):
    shown = printable(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert "\x1b" not in shown


def test_long_text_is_cut():
    assert printable("x" * 20, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(("raw", "shown"), [(b"acme", "acme"), (b"\x1b[m", "\\x1b[m"), (b"\xff\x00", "0xff00")])
def test_bytes(raw, shown):
    assert printable_bytes(raw) == shown


def test_a_dump_keeps_lines_of_text_and_shows_other_bytes_in_hexadecimal():
    assert dump(b'{\n "a": "\x1b"}') == '{\n "a": "\\x1b"}'
    lines = dump(bytes(range(0xF0, 0x100)) + b"tail").split("\n")
    assert lines[0].startswith("00000000  f0 f1 f2")
    assert lines[0].endswith(" ................")
    assert lines[1] == f"00000010  {'74 61 69 6c':<48} tail"
