"""Reading YAML with positions: a `Place` is a node, its path, and the list its mistakes go to.

Every reader answers None after it has reported a mistake, so that reading goes on and finds the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kenko.model.durations import parse_duration
from kenko.model.errors import ModelError

_STANDARD = "tag:yaml.org,2002:"
_PLAIN_TAGS = {"map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value"}
"""What YAML makes of text without a tag."""
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_LARGEST = 1e15
"""Numbers beyond it lose their last digits in a float."""


def did_you_mean(word: str, known: Collection[str]) -> str:
    """A hint that names the known word nearest to `word`, or all of them where none is near and they are few."""
    near = get_close_matches(word, known, n=1) or get_close_matches(word.lower(), known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(sorted(known))}" if 0 < len(known) <= 12 else ""


class Place:
    """A node of the text, where it stands, and where its mistakes are collected."""

    __slots__ = ("key", "mistakes", "node", "path")

    def __init__(self, node: Node, path: str, mistakes: list[ModelError], key: Node | None = None) -> None:
        self.node = node
        self.key = key or node
        """The key it stands under, or the node itself."""
        self.path = path
        self.mistakes = mistakes

    def mistake(self, message: str, hint: str = "") -> None:
        """Report a mistake at this place."""
        self._report(self.node, message, hint)

    def key_mistake(self, message: str, hint: str = "") -> None:
        """Report a mistake in the key this place stands under."""
        self._report(self.key, message, hint)

    def _report(self, node: Node, message: str, hint: str) -> None:
        mark = node.start_mark
        self.mistakes.append(ModelError(mark.line + 1, mark.column + 1, self.path, message, hint))

    def _at(self, node: Node, step: str, key: Node | None = None) -> Place:
        path = self.path + step if step.startswith("[") or not self.path else f"{self.path}.{step}"
        return Place(node, path, self.mistakes, key)

    def _wrong(self, wanted: str, hint: str = "") -> None:
        self.mistake(f"expected {wanted}, found {describe(self.node)}", hint)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, MappingNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, SequenceNode)

    @property
    def is_null(self) -> bool:
        """True for `null`, written out: an empty place may as well have been forgotten."""
        return isinstance(self.node, ScalarNode) and self.node.style is None and self.node.value == "null"

    def entries(self, wanted: str = "a mapping") -> list[tuple[str, Place]] | None:
        """Keys and values of a mapping, each value with its place; duplicates and odd keys are reported."""
        if not isinstance(self.node, MappingNode) or self.node.tag != _STANDARD + "map":
            self._wrong(wanted)
            return None
        found: dict[str, Place] = {}
        for key_node, value_node in self.node.value:
            key = Place(key_node, self.path, self.mistakes).text("a key")
            if key is None:
                continue
            place = self._at(value_node, key, key_node)
            if key in found:
                first = found[key].key.start_mark.line + 1
                place.key_mistake("this key is here twice", f"the first is on line {first}")
            else:
                found[key] = place
        return list(found.items())

    def fields(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Place] | None:
        """The entries of a mapping with known keys. Unknown and missing ones are reported."""
        entries = self.entries(f"a mapping with {', '.join(known)}")
        if entries is None:
            return None
        fields = dict(entries)
        for key in [key for key in fields if key not in known]:
            fields.pop(key).key_mistake("unknown key", did_you_mean(key, known))
        for key in required:
            if key not in fields:
                self.mistake(f"{key!r} is missing")
        return fields

    def items(self, wanted: str = "a list") -> Iterator[Place]:
        """The items of a list, each with its place."""
        if not isinstance(self.node, SequenceNode) or self.node.tag != _STANDARD + "seq":
            self._wrong(wanted)
            return
        for index, node in enumerate(self.node.value):
            yield self._at(node, f"[{index}]")

    def text(self, wanted: str = "text") -> str | None:
        """A piece of text. `5`, `yes` and `2026-01-01` are none unless quoted: YAML reads them otherwise."""
        node = self.node
        if not isinstance(node, ScalarNode):
            self._wrong(wanted)
            return None
        if node.tag != _STANDARD + "str":
            is_plain = node.tag.removeprefix(_STANDARD) in _PLAIN_TAGS and node.value
            self._wrong(wanted, f"quote it: {node.value!r}" if is_plain else "")
            return None
        value = str(node.value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if not value.strip() or any(char < " " or char == "\x7f" for char in value):
            self.mistake(f"expected {wanted}, found blank text or control characters")
            return None
        return value

    def one_of(self, known: Collection[str]) -> str | None:
        """One of a few words."""
        word = self.text(f"one of {', '.join(known)}")
        if word is None or word in known:
            return word
        self.mistake(f"unknown word {word!r}", did_you_mean(word, known))
        return None

    def number(self, wanted: str = "a number") -> float | None:
        """A finite number, as JSON writes it."""
        node = self.node
        if not isinstance(node, ScalarNode) or node.style is not None or not _NUMBER.fullmatch(node.value):
            self._wrong(wanted)
            return None
        value = float(json.loads(node.value))
        if abs(value) > _LARGEST:
            self.mistake(f"{node.value} is too large")
            return None
        return value

    def number_within(self, low: float, high: float) -> float | None:
        """A number from `low` to `high`."""
        value = self.number(f"a number from {low:g} to {high:g}")
        if value is None or low <= value <= high:
            return value
        self.mistake(f"{value:g} is not within {low:g} to {high:g}")
        return None

    def duration(self) -> int | None:
        """A length of time, in milliseconds."""
        node = self.node
        value = parse_duration(node.value) if isinstance(node, ScalarNode) else None
        if value is None:
            self._wrong("a duration", "a whole number and one of s, m, h, d, w: 90m, 12h, 7d, 0s")
            return None
        return value

    def scalar(self) -> str | int | float | bool | None:
        """Text, a number, or true or false."""
        node = self.node
        if isinstance(node, ScalarNode) and node.style is None:
            if node.value in ("true", "false"):
                return bool(node.value == "true")
            if _NUMBER.fullmatch(node.value):
                value = self.number()
                return int(value) if value is not None and value.is_integer() else value
        return self.text("text, a number, true or false")


def describe(node: Node) -> str:
    """What stands there, in words."""
    if node.tag.removeprefix(_STANDARD) not in _PLAIN_TAGS:
        return f"the tag {node.tag!r}, and tags have no meaning here"
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return json.dumps(node.value[:40], ensure_ascii=False) if node.value else "nothing"


def compose(text: str) -> Node | None:
    """The tree of one YAML (or JSON) document; nothing is constructed, so tags have no effect. Raises yaml.YAMLError."""
    if text.lstrip().startswith("{"):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            pass  # then it is YAML in flow style, and YAML's own message is the better one
        else:
            text = text.replace("\t", " ")  # JSON allows tabs between tokens and never inside them; YAML does not
    node: Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return node
