"""An expression in CEL (https://cel.dev) over an event: `cel: "properties.total * 2.0 > 100.0"`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from yaml.nodes import ScalarNode

from kenko.model.errors import ModelError
from kenko.model.nodes import Place, did_you_mean

try:
    from cel import compile as _compile_cel
except ImportError:  # the extra `cel` is not installed
    _compile_cel = None  # type: ignore[assignment]

CEL_VARIABLES = ("event", "user_id", "source", "properties")
"""What an expression can speak of."""
MOST_CHARACTERS = 1_000

_WHERE = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")
_BOUND = re.compile(r"\(\s*([A-Za-z_]\w*)\s*,")
"""The variable of a macro such as `properties.tags.exists(tag, tag == "a")`."""


def read_cel(place: Place, compiler: Callable[[str], Any] | None = _compile_cel) -> str | None:
    """The expression at `place`, or None after reporting what is wrong with it.

    Args:
        place: where it stands.
        compiler: raises ValueError for what is no CEL; None where the extra is not installed.
    """
    text = place.text("an expression in CEL")
    if text is None:
        return None
    if len(text) > MOST_CHARACTERS:
        place.mistake(f"an expression has at most {MOST_CHARACTERS:,} characters, found {len(text):,}")
        return None
    if compiler is None:
        place.mistake("CEL needs a package that is not installed", "install kenko[cel]")
        return None
    try:
        program = compiler(text)
    except ValueError as error:
        _report(place, text, str(error))
        return None
    own = set(_BOUND.findall(text))
    unknown = [name for name in program.variables() if name not in CEL_VARIABLES and name not in own]
    for name in unknown:
        hint = did_you_mean(name, CEL_VARIABLES)
        place.mistake(f"unknown name {name!r} in CEL", hint if "?" in hint else f"a property is properties.{name}")
    return None if unknown else text


def _report(place: Place, text: str, message: str) -> None:
    """A mistake at the character of the file where the parser gave up, as far as that can be told."""
    found = _WHERE.search(message)
    line, column, problem = (int(found[1]), int(found[2]), found[3]) if found else (1, 1, message.splitlines()[0])
    mark, end = place.node.start_mark, place.node.end_mark
    # A quoted text has a quote before its first character. Escapes and folded lines shift what follows: then the
    # beginning of the text is the place.
    quote = 1 if isinstance(place.node, ScalarNode) and place.node.style else 0
    is_as_written = line == 1 and mark.line == end.line and end.column - mark.column == len(text) + 2 * quote
    at = mark.column + quote + column if is_as_written else mark.column + 1
    short = problem.split(" expecting {")[0]
    place.mistakes.append(ModelError(mark.line + 1, at, place.path, f"no CEL: {short}"))
