"""The autograd graph of the first step: what an operation feeds, and whether it stands between two layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netvet.fixes.program import Program, Record

# Operations of two values that a model computes: what enters them scales or selects, as a gate does.
_GATES = ("Mul", "Bmm", "Baddbmm", "Div", "Lerp", "Addcmul")


class Graph:
    """Of one backward.

    Args:
        nodes: records of the fact `graph`, by id.
    """

    def __init__(self, nodes: Mapping[int, Record]) -> None:
        self.nodes = nodes
        self._users: dict[int, list[Record]] = {}
        for node in nodes.values():
            for below in node.get("next") or ():
                self._users.setdefault(below, []).append(node)

    def users(self, node: Record) -> list[Record]:
        """What an output enters."""
        return self._users.get(node["id"], [])

    def weight(self, node: Record) -> str | None:
        """The matrix or the kernel that a layer multiplies with."""
        for below in node.get("next") or ():
            leaf = self.nodes.get(below)
            while leaf and leaf.get("op") in ("T", "Transpose", "Permute", "ToCopy", "View") and leaf.get("next"):
                leaf = self.nodes.get(leaf["next"][0])
            if leaf and leaf.get("parameter") and len(leaf.get("shape") or ()) >= 2:
                return str(leaf["parameter"])
        return None

    def between_layers(self, node: Record) -> bool:
        """The output enters another layer, and no product with another output (a gate) comes before that."""
        waiting, seen, found = self.users(node), {node["id"]}, False
        came = {id(one): node for one in waiting}
        while waiting:
            one = waiting.pop()
            if one["id"] in seen:
                continue
            seen.add(one["id"])
            if self.weight(one):
                found = True
                continue
            if one.get("op") in _GATES and "dropout" not in str(one.get("function")) and self._operands(one) > 1:
                return False
            for user in self.users(one):
                came[id(user)] = one
                waiting.append(user)
        return found

    def _operands(self, node: Record) -> int:
        """How many values that depend on something learned enter."""
        return len([i for i in node.get("next") or () if self.nodes.get(i, {}).get("op") != "AccumulateGrad"])


def graphs(program: Program) -> Iterator[Graph]:
    """One for each line that calls backward."""
    by_backward: dict[str, dict[int, Record]] = {}
    for node in program.facts("graph"):
        by_backward.setdefault(str(node.get("backward")), {})[int(node["id"])] = node
    for nodes in by_backward.values():
        yield Graph(nodes)
