"""Lay the nodes of a profile's override over those of the model. Nodes keep their marks, so mistakes keep their lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kenko.model.nodes import Place, did_you_mean

_STRING = "tag:yaml.org,2002:str"
_DEEPEST = 4
"""`score.groups.adoption.weight`: no setting lies deeper, only anchors that hold themselves do."""


class Overlay:
    """A tree of nodes that overrides change, and where each change stands."""

    def __init__(self, root: MappingNode, wrong: Collection[str] = ()) -> None:
        """`wrong` holds the paths of the mistakes that the tree had before."""
        self.root = root
        self._wrong = wrong
        self.leaves: list[tuple[tuple[str, ...], Place]] = []
        """(path in the tree, what was laid there), in the order of the text."""

    def lay(self, override: Place, roots: Collection[str]) -> None:
        """Change the tree as `override` says: dotted paths or nested mappings below `roots`.

        A mapping is merged key by key, anything else replaces what is there. Paths that lead nowhere are reported.
        """
        entries = override.entries("a mapping of what is different, for example {zones.red: {below: 50}}")
        if entries is not None and not override.node.value:
            override.mistake("changes nothing", "for example {zones.red: {below: 50, clear_above: 55}}")
        for dotted, value in entries or ():
            first, *rest = dotted.split(".")
            if first not in roots:
                near = did_you_mean(first, roots)
                hint = near.replace("'?", "".join(f".{step}" for step in rest) + "'?")
                value.key_mistake("a profile changes score, zones and rules", hint if "?" in near else "")
            elif self._leads_somewhere((first, *rest), value):
                self.root = self._set(self.root, (first, *rest), (), value)

    def _leads_somewhere(self, steps: tuple[str, ...], value: Place) -> bool:
        """Every step but the last must be there. Where the model itself is wrong at a step, that is the mistake."""
        node: Node | None = self.root
        for number, step in enumerate(steps):
            here = ".".join(steps[:number])
            if here in self._wrong or (number == 0 and step not in dict(_entries(self.root)) and step != "rules"):
                return False
            if isinstance(node, SequenceNode):
                value.key_mistake(f"{here} is a list", "a list is replaced as a whole")
                return False
            if not isinstance(node, MappingNode):
                value.key_mistake(f"there is nothing below {here} to change")
                return False
            found = dict(_entries(node))
            if number < len(steps) - 1 and step not in found:
                what = f"{here} has no {step!r}" if here else f"the model has no {step!r}"
                value.key_mistake(f"unknown path: {what}", did_you_mean(step, found))
                return False
            node = found.get(step)
        return True

    def _set(self, node: MappingNode, steps: tuple[str, ...], path: tuple[str, ...], value: Place) -> MappingNode:
        """`node` with `value` laid at `steps` below it. Its marks stay: mistakes of the whole are those of the model."""
        step, *rest = steps
        here = (*path, step)
        old = dict(_entries(node)).get(step)
        if rest and isinstance(old, MappingNode):
            new: Node = self._set(old, tuple(rest), here, value)
        else:
            new = self._merge(old, here, value)
        key = ScalarNode(_STRING, step, value.key.start_mark, value.key.end_mark)
        pairs = [(k, v) for k, v in node.value if not (isinstance(k, ScalarNode) and k.value == step)]
        place = next((i for i, (k, _) in enumerate(node.value) if isinstance(k, ScalarNode) and k.value == step), None)
        pairs.insert(len(pairs) if place is None else place, (key, new))
        return MappingNode(node.tag, pairs, node.start_mark, node.end_mark)

    def _merge(self, old: Node | None, path: tuple[str, ...], value: Place) -> Node:
        is_deep = len(path) >= _DEEPEST
        if is_deep or not (isinstance(old, MappingNode) and isinstance(value.node, MappingNode)):
            if any(laid[: len(path)] == path[: len(laid)] for laid, _ in self.leaves):
                value.key_mistake(f"{'.'.join(path)} is set twice")
            self.leaves.append((path, value))
            return value.node
        merged = old
        for key, inner in value.entries() or ():
            merged = self._set(merged, (key,), path, inner)
        return merged


def _entries(node: MappingNode) -> Iterator[tuple[str, Node]]:
    for key, value in node.value:
        if isinstance(key, ScalarNode):
            yield key.value, value
