"""Random valid queries that hypothesis-graphql makes from the SDL, with values of the small world."""

from __future__ import annotations

import random
from typing import Any, Final

import hypothesis_graphql
from graphql import GraphQLSchema, StringValueNode, TypeInfo, TypeInfoVisitor, parse, parse_type, print_ast, visit
from graphql.language import ast, visitor
from graphql.utilities import value_from_ast_untyped
from hypothesis import strategies as st

from schema.assembly import build_schema
from schema.connections import bound_label, encode_cursor
from tests.case_world import FOREIGN_CASE, OUR_CASE
from tests.desk_world import FOREIGN_OBJECTION, OUR_OBJECTION, RATED_CASE
from tests.graph_world import CONSENTS as WORLD_CONSENTS
from tests.graph_world import HOLDERS, LICENSES
from tests.ports import CONSENTS

__all__ = ["ROOTS", "SCALARS", "documents", "with_variables"]

CODES: Final = (
    "370000", "370200", "370214", "220103", "11370214MB2857113F", "000101002000", "000707003000",
    "11100000000013127D001", "999999", "01", "x",
)  # fmt: skip
CURSORS: Final = (
    encode_cursor("Jurisdiction", "220103"),
    encode_cursor("Matter", "000101002000"),
    encode_cursor("LicenseType", "11100000000013127D001"),
    encode_cursor(bound_label("License", "370214", "holder-one"), LICENSES[0]["certificateIdentifier"]),
)
IDENTIFIERS: Final = (*(one["certificateIdentifier"] for one in LICENSES), "1.2.156.0")


def _values(*texts: str) -> st.SearchStrategy[StringValueNode]:
    return st.sampled_from([StringValueNode(value=text) for text in texts])


SCALARS: Final = {
    "CaseNumber": _values(OUR_CASE, FOREIGN_CASE, RATED_CASE, "0" * 43),
    "CatalogueCode": _values(*CODES),
    "Cursor": _values(*CURSORS),
    "Date": _values("2025-06-01", "2026-06-01", "2027-06-01"),
    "DateTime": _values("2026-01-01T00:00:00.000Z"),
    "Digest": _values("A" * 43),
    "FaceFieldName": _values("KZ_ADDRESS"),
    "HolderCode": _values(*HOLDERS, "nobody"),
    "HolderTypeCode": _values("001"),
    "JSON": _values("x"),
    "LicenseIdentifier": _values(*IDENTIFIERS),
    "LogNumber": st.just(ast.IntValueNode(value="3")),
    "ReceiptText": _values("{}"),
    "StatementId": _values(OUR_OBJECTION, FOREIGN_OBJECTION, *(one["id"] for one in WORLD_CONSENTS)),
    "UseCause": _values("a counter in Qingdao"),
}
ROOTS: Final = (
    "jurisdiction", "jurisdictions", "authority", "matter", "matters", "offering", "offerings", "comparison", "licenseType", "licenseTypes",
    "license", "licenses", "case", "cases", "objection", "objections", "consent", "consents",
)  # fmt: skip


class _Sizes(visitor.Visitor):
    """Brings `first` into 0..4, so that pages end inside the small world, and one in five is refused.

    A basis becomes one of the consents that the fakes know: exactly one member, which no generator of documents heeds.
    """

    @staticmethod
    def enter_argument(node: Any, *_: Any) -> Any:
        if node.name.value == "first" and isinstance(node.value, ast.IntValueNode):
            return ast.ArgumentNode(name=node.name, value=ast.IntValueNode(value=str(abs(int(node.value.value)) % 5)))
        if node.name.value == "basis":
            names = sorted(CONSENTS.values())
            name = ast.StringValueNode(value=names[len(print_ast(node)) % len(names)])
            member = ast.ObjectFieldNode(name=ast.NameNode(value="consent"), value=name)
            return ast.ArgumentNode(name=node.name, value=ast.ObjectValueNode(fields=(member,)))
        return None


def documents(fields: tuple[str, ...] = ROOTS) -> st.SearchStrategy[str]:
    """Random valid queries from the SDL."""
    sdl = build_schema().as_str()
    made = hypothesis_graphql.queries(sdl, fields=fields, custom_scalars=SCALARS, allow_null=False)
    return made.map(lambda text: print_ast(visit(parse(text), _Sizes())))


class _Lifter(visitor.Visitor):
    """Puts some of the arguments' values into variables of the arguments' types."""

    def __init__(self, info: TypeInfo, chance: random.Random) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self._definitions: list[ast.VariableDefinitionNode] = []
        self._info = info
        self._chance = chance

    def enter_argument(self, node: ast.ArgumentNode, *_: Any) -> Any:
        argument = self._info.get_argument()
        if argument is None or self._chance.random() < 0.5:
            return None
        variable = ast.VariableNode(name=ast.NameNode(value=f"v{len(self.values)}"))
        self.values[variable.name.value] = value_from_ast_untyped(node.value)
        self._definitions.append(ast.VariableDefinitionNode(variable=variable, type=parse_type(str(argument.type))))
        return ast.ArgumentNode(name=node.name, value=variable)

    def leave_operation_definition(self, node: ast.OperationDefinitionNode, *_: Any) -> Any:
        return ast.OperationDefinitionNode(
            operation=node.operation,
            name=node.name,
            variable_definitions=(*(node.variable_definitions or ()), *self._definitions),
            directives=node.directives,
            selection_set=node.selection_set,
        )


def with_variables(text: str, schema: GraphQLSchema, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """Put about half of a query's argument values into variables; gives the new text, and the variables' values."""
    info = TypeInfo(schema)
    lifter = _Lifter(info, chance)
    return print_ast(visit(parse(text), TypeInfoVisitor(info, lifter))), lifter.values
