"""A GraphQL document never seen before: read, checked and planned, beside graphql-core's parse and validation.

Three readings over a holder's licenses, all CPU time of one thread, nothing of the graph in them:

    colddoc-name   the document of `licenses.graphql` under a name that is new every time
    colddoc-shape  selections and aliases that are new every time, so that statement and shaper are made anew, too
    colddoc-known  the same document again and again: cache and plan; beside a SHA-256 of its text
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final

from graphql import parse, specified_rules, validate
from graphql.execution.values import VariableValues, get_variable_values

from hub.graph.tables import Tables, build_tables
from hub.graphql.documents import Documents
from hub.graphql.limits import LIMITS
from loadtests.bench.measuring import Effort, Reading, cpu_pairs
from loadtests.operations import operation
from schema.assembly import build_schema

__all__ = ["NAMES", "measure"]

NAMES: Final = ("colddoc-name", "colddoc-shape", "colddoc-known")

_DOCUMENTS: Final = 40
_SCOPES: Final = frozenset({"license.read", "license.face"})
_VARIABLES: Final = {
    "holder": {"certificateHolderTypeCode": "001", "certificateHolderCode": "91370214MA3C000001"},
    "useCause": "a counter",
    "basis": {"consent": "A" * 22},
}
_LEAVES: Final = (
    "certificateIdentifier",
    "logIndex", "leafHash", "status", "statusReason", "certificateIssuedDate", "certificateExpiringDate",
    "sealedAt", "sealedBy", "disputed",
)  # fmt: skip
_NESTED: Final = ("type { code name }", "issuedBy { name jurisdiction { code name } }", "replaces { status sealedAt }")


def measure(effort: Effort) -> list[Reading]:
    """Measure the figures of NAMES."""
    tables = build_tables(build_schema())
    amount = effort.amount(_DOCUMENTS, least=10)
    cold = {
        "colddoc-name": ("a document under a new name, read and planned", _renamed()),
        "colddoc-shape": ("a document of a new shape, read and planned", _reshaped(random.Random(1))),
    }
    readings = [
        Reading(
            name=name,
            title=title,
            unit="us a document",
            beside="graphql-core: parse and validate",
            pairs=cpu_pairs(_planned(tables, texts, amount), _judged(tables, texts, amount), amount, effort),
            gate=None,
        )
        for name, (title, texts) in cold.items()
    ]
    return [*readings, _known(tables, effort)]


def _renamed() -> Iterator[str]:
    text = operation("licenses")
    return (text.replace("HolderLicenses", f"HolderLicenses{number}") for number in count())


def _reshaped(chance: random.Random) -> Iterator[str]:
    before, _, after = operation("licenses").partition("certificateIdentifier\n")
    after = after[after.index("}\n    }\n    pageInfo") :]
    for number in count():
        leaves = chance.sample(_LEAVES, chance.randint(3, 7))
        nested = chance.sample(_NESTED, chance.randint(1, 3))
        yield f"{before}a{number}: {' '.join([*leaves, *nested])} {after}"


def _planned(tables: Tables, texts: Iterator[str], amount: int) -> Callable[[], None]:
    documents, values = Documents(tables, LIMITS), _values(tables)

    def run() -> None:
        for _ in range(amount):
            _plan(documents, next(texts), values)
        if documents.ways["graphql_core"]:
            raise ValueError("a document was left to graphql-core")

    return run


def _plan(documents: Documents, text: str, values: VariableValues) -> None:
    document = documents.load(text)
    documents.plan(document, document.operation(None), values, _SCOPES)


def _values(tables: Tables) -> VariableValues:
    asked: Any = parse(operation("licenses")).definitions[0]
    values = get_variable_values(tables.schema, asked.variable_definitions, _VARIABLES)
    if not isinstance(values, VariableValues):
        raise ValueError("the variables are not those of the document")  # noqa: TRY004  # a figure, not an argument
    return values


def _judged(tables: Tables, texts: Iterator[str], amount: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(amount):
            if validate(tables.schema, parse(next(texts)), specified_rules):
                raise ValueError("a document is not valid")

    return run


def _known(tables: Tables, effort: Effort) -> Reading:
    documents, text, amount = Documents(tables, LIMITS), operation("licenses"), effort.amount(2_000, least=500)
    values = _values(tables)
    copies = [text[:1] + text[1:] for _ in range(amount)]  # a request brings a text of its own, without a hash

    def ours() -> None:
        for copy in copies:
            _plan(documents, copy, values)

    return Reading(
        name="colddoc-known",
        title="a known document: found, and its plan",
        unit="us a request",
        beside="a SHA-256 of its text",
        pairs=cpu_pairs(ours, lambda: [hashlib.sha256(copy.encode()).digest() for copy in copies], amount, effort),
        gate=None,
    )
