"""The documents of `tests/documents`, compiled for two callers, with the values that find something in the small world.

wallet.graphql  ->  wallet.all.cypher, wallet.own.cypher
"""

from __future__ import annotations

from typing import Any, Final

from graphql import parse
from graphql.execution.values import VariableValues, get_variable_values

from hub.graph.plan import explain, make_plan
from hub.graph.tables import build_tables
from hub.graphql.limits import LIMITS
from schema.assembly import build_schema
from schema.context import Statement
from tests.document_files import DOCUMENTS as FILES
from tests.document_files import FOLDER
from tests.graph_world import HOLDERS
from tests.ports import CLERK, CONSENT, request_context

__all__ = ["DOCUMENTS", "SCOPES", "VARIABLES", "bound", "compiled", "expected", "statements"]

QUERIES: Final = {name: document for name, document in FILES.items() if document.is_query and document.asked}
_SEPARATOR: Final = "\n\n"

DOCUMENTS: Final = tuple(QUERIES)
_EITHER: Final = frozenset(
    {"license.face", "case.read", "case.supervise", "journal.read", "objection.read", "statistics.read"}
)
SCOPES: Final[dict[str, frozenset[str]]] = {
    "all": _EITHER | {"license.read"},
    "own": _EITHER | {"license.read.own"},
}
VARIABLES: Final[dict[str, dict[str, Any]]] = {name: QUERIES[name].asked[0].variables for name in DOCUMENTS}
"""Of each document's first request."""


def compiled(name: str, caller: str) -> str:
    """Give the statements of one document for one caller, as they are committed."""
    return _SEPARATOR.join(explain(QUERIES[name].text, build_schema(), scopes=SCOPES[caller])) + "\n"


def expected(name: str, caller: str) -> str:
    """Give the statements as they are committed."""
    return (FOLDER / f"{name}.{caller}.cypher").read_text("utf-8")


def statements(name: str, caller: str) -> list[Statement]:
    """Bind the document's statements to its values; the document keeps within the limit of cost."""
    return bound(QUERIES[name].text, VARIABLES[name], caller)


def bound(text: str, values: dict[str, Any], caller: str) -> list[Statement]:
    """Bind the statements of a document to values, with a consent as the basis."""
    tables = build_tables(build_schema())
    tree: Any = parse(text)
    operation, *fragments = tree.definitions
    named = {one.name.value: one for one in fragments}
    given = values | {"basis": {"consent": CONSENT}}
    variables = get_variable_values(tables.schema, operation.variable_definitions, given)
    assert isinstance(variables, VariableValues)
    context = request_context(principal=CLERK, holder_key=lambda _type, code: HOLDERS[code])
    plan = make_plan(tables, operation, named, {}, SCOPES[caller])
    assert plan.cost(variables) <= LIMITS.cost
    named_nodes = (one for each in plan.entities for one in each.bind(variables, context).statements.values())
    return [*(root.bind(root.arguments(variables), context).statement for root in plan.roots), *named_nodes]


def write() -> None:
    """Write all statements anew."""
    for name in DOCUMENTS:
        for caller in SCOPES:
            (FOLDER / f"{name}.{caller}.cypher").write_text(compiled(name, caller), "utf-8")


if __name__ == "__main__":
    write()
