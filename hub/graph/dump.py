"""The whole graph in one canonical value, to compare two graphs: a projection with its replay from empty.

For whoever must show that a graph is what the ledger says, as the kill tests do; no request is answered from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, LiteralString

from hub.graph.constraints import KEYS
from ledger.errors import NotVerified

if TYPE_CHECKING:
    from hub.graph.driver import BoltDriver

__all__ = ["GraphDump", "dump_graph"]

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphDump:
    """All nodes and relationships, in order of their text; equal dumps mean equal graphs.

    nodes: `Label:key` -> properties. relationships: (from, type, to, properties), ends as `Label:key`.
    """

    nodes: dict[str, dict[str, Any]]
    relationships: list[tuple[str, str, str, dict[str, Any]]]


_NODES: Final[LiteralString] = """\
MATCH (n:$($label)) WHERE n[$key] > $after
RETURN n[$key], properties(n) ORDER BY n[$key] LIMIT $page"""

_RELATIONSHIPS: Final[LiteralString] = """\
MATCH (n:$($label)) WHERE n[$key] IN $keys
MATCH (n)-[r]->(m)
RETURN n[$key], type(r), labels(m), properties(m), properties(r)"""

_COUNT: Final[LiteralString] = "MATCH (n) WITH count(n) AS nodes OPTIONAL MATCH ()-[r]->() RETURN nodes, count(r)"


async def dump_graph(driver: BoltDriver) -> GraphDump:
    """Read the whole graph, page by page; meant for tests and comparisons, not for requests.

    The `lock` of cursors is left out. Raises NotVerified corrupt_store when a node has a label or lacks a key that
    `KEYS` does not allow for; Unavailable.
    """
    nodes: dict[str, dict[str, Any]] = {}
    links: list[tuple[str, str, str, dict[str, Any]]] = []
    for label, key in KEYS.items():
        after: Any = -1 if label == "License" else ""
        while page := await driver.rows(_NODES, {"label": label, "key": key, "after": after, "page": _PAGE}):
            nodes.update((f"{label}:{value}", _plain(properties)) for value, properties in page)
            after = page[-1][0]
            keys = [value for value, _ in page]
            for value, kind, labels, end, properties in await driver.rows(
                _RELATIONSHIPS, {"label": label, "key": key, "keys": keys}
            ):
                links.append((f"{label}:{value}", kind, _name(labels, end), _plain(properties)))
    if await driver.rows(_COUNT) != [[len(nodes), len(links)]]:
        raise NotVerified("corrupt_store", "the graph holds nodes without a known label and key")
    return GraphDump(nodes=dict(sorted(nodes.items())), relationships=sorted(links, key=lambda link: link[:3]))


def _plain(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: properties[name] for name in sorted(properties) if name != "lock"}


def _name(labels: list[str], properties: dict[str, Any]) -> str:
    (label,) = labels
    return f"{label}:{properties[KEYS[label]]}"
