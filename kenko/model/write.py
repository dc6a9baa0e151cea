"""Write numbers into the text of a model: weights, curves, boundaries, the calibration. All else stays as it stands.

YAML has many ways to say the same, and comments that no reader keeps. So nothing is written anew: the places of the
values are looked up in the text and only they are replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kenko.model.nodes import compose


class UnwritableError(Exception):
    """The text says a value in a way that cannot be replaced by itself. The message says where, and what to change."""


@dataclass
class ModelText:
    """A model's text, and the changes that are to be made to it. `text()` makes them all."""

    source: str
    _changes: list[tuple[int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        root = compose(self.source)
        if not isinstance(root, MappingNode):
            raise UnwritableError("the text is not a model")
        self._root = root
        self._is_json = self.source.lstrip().startswith("{")

    def set_number(self, path: Sequence[str | int], value: float) -> None:
        """Put a number where `path` leads; the last key may be missing, then it is added to its mapping."""
        self._put(path, number(value))

    def empty(self, path: Sequence[str | int]) -> None:
        """Put an empty list where `path` leads."""
        self._put(path, "[]")

    def set_points(self, path: Sequence[str | int], points: Sequence[tuple[float, float]]) -> None:
        """Put a curve of points where `path` leads."""
        self._put(path, self._flow({"points": _pairs(points)}))

    def set_calibration(self, within: str, points: Sequence[tuple[float, float]], comment: str) -> None:
        """Put the calibration at the end, or where there is one already; with a comment above it, if YAML can have one.

        A comment of an earlier time, which begins with the same three words, gives way.
        """
        value = self._flow({"within": self._quoted(within), "points": _pairs(points)})
        found = _entry(self._root, "calibration")
        if found is not None:
            self._put(["calibration"], value)
            self._replace_comment(found[0].start_mark.index, comment)
        elif self._root.flow_style:
            self._insert(_end(self._root.value[-1][1]), f", {self._quoted('calibration')}: {value}")
        else:
            gap = "" if self.source.endswith("\n") else "\n"
            self._insert(len(self.source), f"{gap}\n# {comment}\ncalibration: {value}\n")

    def text(self) -> str:
        """The text with all changes made."""
        result = self.source
        for start, end, new in sorted(self._changes, reverse=True):
            result = result[:start] + new + result[end:]
        return result

    def _put(self, path: Sequence[str | int], new: str) -> None:
        parent = self._walk(path[:-1])
        last = path[-1]
        if not isinstance(parent, MappingNode) or not isinstance(last, str):
            raise UnwritableError(f"{_shown(path)}: does not stand in a mapping")
        found = _entry(parent, last)
        if found is None:
            self._add(parent, last, new)
            return
        key, value = found
        start = self.source.index(":", key.end_mark.index) + 1
        if value.start_mark.index < start:
            raise UnwritableError(f"{_shown(path)}: is an alias (*name); write the value out there")
        stands = self.source[start : value.start_mark.index]
        anchor = _anchor(self.source[value.start_mark.index :])
        gap = " " if "\n" in stands and "#" not in stands else stands
        self._changes.append((start, _end(value), f"{gap}{anchor}{new}"))

    def _add(self, parent: MappingNode, key: str, new: str) -> None:
        first_key, first_value = parent.value[0]
        after = _end(first_value)
        if first_value.start_mark.index < first_key.start_mark.index:  # an alias: its name ends at the next sign
            after = first_key.end_mark.index + _word(self.source[first_key.end_mark.index :])
        entry = f"{self._quoted(key)}: {new}"
        if parent.flow_style:
            self._insert(after, f", {entry}")
        else:
            # A comment that follows the first value on its line stays with it.
            line_end = self.source.find("\n", after)
            line_end = len(self.source) if line_end < 0 else line_end
            self._insert(line_end, f"\n{' ' * first_key.start_mark.column}{entry}")

    def _walk(self, path: Sequence[str | int]) -> Node:
        node: Node = self._root
        for at, step in enumerate(path):
            before = node.start_mark.index
            if isinstance(step, int):
                inner = node.value[step] if isinstance(node, SequenceNode) and step < len(node.value) else None
            else:
                found = _entry(node, step)
                inner = None if found is None else found[1]
            if inner is None:
                raise UnwritableError(f"{_shown(path[: at + 1])}: is not in the text by itself (a merge `<<`?)")
            if inner.start_mark.index < before:
                raise UnwritableError(f"{_shown(path[: at + 1])}: is an alias (*name); write it out there")
            node = inner
        return node

    def _insert(self, at: int, new: str) -> None:
        self._changes.append((at, at, new))

    def _replace_comment(self, at: int, comment: str) -> None:
        if self._is_json or self._root.flow_style:
            return
        line_start = self.source.rfind("\n", 0, at) + 1
        above = self.source.rfind("\n", 0, max(0, line_start - 1)) + 1
        old = self.source[above:line_start]
        begins = " ".join(comment.split()[:3])
        start = above if old.startswith(f"# {begins}") else line_start
        self._changes.append((start, line_start, f"# {comment}\n"))

    def _flow(self, parts: Mapping[str, str]) -> str:
        return "{" + ", ".join(f"{self._quoted(key)}: {value}" for key, value in parts.items()) + "}"

    def _quoted(self, word: str) -> str:
        return f'"{word}"' if self._is_json else word


def number(value: float) -> str:
    """A number as people write it, and as the language reads it: `40`, `0.25`, never `1e+06`."""
    text = f"{value:.12g}"
    if "e" in text:
        text = f"{value:.12f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _pairs(points: Sequence[tuple[float, float]]) -> str:
    return "[" + ", ".join(f"[{number(x)}, {number(y)}]" for x, y in points) + "]"


def _entry(node: Node, key: str) -> tuple[ScalarNode, Node] | None:
    if not isinstance(node, MappingNode):
        return None
    return next(((k, v) for k, v in node.value if isinstance(k, ScalarNode) and k.value == key), None)


def _end(node: Node) -> int:
    """Where the text of a node ends. YAML's own mark of a block is where the next one begins, comments included."""
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, MappingNode) else last)
    return int(node.end_mark.index)


def _anchor(text: str) -> str:
    return f"{text[: _word(text)]} " if text.startswith("&") else ""


def _word(text: str) -> int:
    """Length of the first word, with the blanks and the colon before it."""
    at = 0
    while at < len(text) and text[at] in ": ":
        at += 1
    while at < len(text) and text[at] not in " ,]}\r\n":
        at += 1
    return at


def _shown(path: Sequence[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
