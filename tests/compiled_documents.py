"""The documents of `tests/documents`, compiled for two callers, with the values that find something in the small world.

wallet.graphql  ->  wallet.all.cypher, wallet.own.cypher
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from graphql import parse
from graphql.execution.values import VariableValues, get_variable_values

from hub.graph.plan import explain, make_plan
from hub.graph.tables import build_tables
from hub.graphql.limits import LIMITS
from schema.assembly import build_schema
from schema.context import Statement
from tests.case_world import OUR_CASE
from tests.graph_world import HOLDERS, LICENSES
from tests.ports import CLERK, request_context

__all__ = ["DOCUMENTS", "SCOPES", "VARIABLES", "compiled", "expected", "statements"]

_FOLDER: Final = Path(__file__).parent / "documents"
_SEPARATOR: Final = "\n\n"

DOCUMENTS: Final = tuple(sorted(path.stem for path in _FOLDER.glob("*.graphql")))
SCOPES: Final[dict[str, frozenset[str]]] = {
    "all": frozenset({"license.read", "license.face", "case.read", "statistics.read"}),
    "own": frozenset({"license.read.own", "license.face", "case.read", "statistics.read"}),
}
VARIABLES: Final[dict[str, dict[str, Any]]] = {
    "case": {"number": OUR_CASE},
    "catalogue": {"after": None},
    "checklist": {
        "matter": "000101002000",
        "county": "370214",
        "holder": {"certificateHolderTypeCode": "001", "certificateHolderCode": next(iter(HOLDERS))},
    },
    "comparison": {"matter": "000101002000", "on": "2026-06-01"},
    "license": {"identifier": LICENSES[0]["certificateIdentifier"]},
    "offering": {"matter": "000101002000", "county": "370214", "on": None},
    "statistics": {"from": "2026-05-20", "to": "2026-06-30"},
    "wallet": {
        "holder": {"certificateHolderTypeCode": "001", "certificateHolderCode": next(iter(HOLDERS))},
        "after": None,
    },
}


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.graphql").read_text("utf-8")


def compiled(name: str, caller: str) -> str:
    """Give the statements of one document for one caller, as they are committed."""
    return _SEPARATOR.join(explain(_text(name), build_schema(), scopes=SCOPES[caller])) + "\n"


def expected(name: str, caller: str) -> str:
    """Give the statements as they are committed."""
    return (_FOLDER / f"{name}.{caller}.cypher").read_text("utf-8")


def statements(name: str, caller: str) -> list[Statement]:
    """Bind the document's statements to its values; the document keeps within the limit of cost."""
    tables = build_tables(build_schema())
    tree: Any = parse(_text(name))
    operation, *fragments = tree.definitions
    named = {one.name.value: one for one in fragments}
    variables = get_variable_values(tables.schema, operation.variable_definitions, VARIABLES[name])
    assert isinstance(variables, VariableValues)
    context = request_context(principal=CLERK, holder_key=lambda _type, code: HOLDERS[code])
    plan = make_plan(tables, operation, named, {}, SCOPES[caller])
    assert plan.cost(variables) <= LIMITS.cost
    return [root.bind(variables, context).statement for root in plan.roots]


def write() -> None:
    """Write all statements anew."""
    for name in DOCUMENTS:
        for caller in SCOPES:
            (_FOLDER / f"{name}.{caller}.cypher").write_text(compiled(name, caller), "utf-8")


if __name__ == "__main__":
    write()
