"""Random valid documents for the product's schema over the small world: longer and more crooked than generated ones.

Nested relations, aliases, several response names for one field, fragments named and inline, `@skip` and `@include` on
variables, `__typename`, values in the text and in variables. Deterministic for one seed.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type, is_object_type

from schema.connections import bound_label, encode_cursor
from tests.case_world import FOREIGN_CASE, OUR_CASE
from tests.desk_world import FOREIGN_OBJECTION, OUR_OBJECTION, RATED_CASE
from tests.graph_world import ENDED_CONSENT, EXPIRED_CONSENT, HOLDERS, LICENSES
from tests.ports import CONSENT, CONSENTS

__all__ = ["COMPUTED", "RandomDocument", "random_document"]

COMPUTED: Final = frozenset({"face", "receipt", "standing", "accessRecords", "result"})
"""Fields with a resolver of their own, left out unless asked for."""

_IDENTIFIERS: Final = (*(one["certificateIdentifier"] for one in LICENSES), "1.2.156.0")
_VALUES: Final[dict[str, tuple[str, ...]]] = {
    "jurisdiction.code": ("370000", "370200", "370214", "220103", "999999"),
    "authority.code": ("11370214MB2857113F", "11220103MB1234567X", "0"),
    **{f"{root}.matter": ("000101002000", "000707003000") for root in ("license", "licenses", "receipt")},
    "matter.code": ("000101002000", "000707003000", "0"),
    "offering.matter": ("000101002000", "000707003000"),
    "offering.county": ("370214", "220103"),
    "offering.on": ("2025-06-01", "2026-06-01", "2027-06-01"),
    "offerings.matter": ("000101002000", "000707003000", "0"),
    "offerings.on": ("2025-06-01", "2026-06-01", "2027-06-01"),
    "offerings.after": (encode_cursor("Offering", "000101002000@220103@20260101"),),
    "comparison.matter": ("000101002000", "000707003000", "0"),
    "comparison.on": ("2025-06-01", "2027-06-01"),
    "licenseType.code": ("11100000000013127D001", "11100000MB0143028R021", "0"),
    "case.caseNumber": (OUR_CASE, OUR_CASE, FOREIGN_CASE, RATED_CASE, "0" * 43),
    "objection.id": (OUR_OBJECTION, OUR_OBJECTION, FOREIGN_OBJECTION, "0" * 22),
    "license.certificateIdentifier": _IDENTIFIERS,
    "consent.id": (CONSENT, ENDED_CONSENT, EXPIRED_CONSENT, "D" * 21 + "Q"),
    "consents.after": (encode_cursor("Consent", CONSENT),),
    "cases.after": tuple(
        encode_cursor(bound_label("Case", "370214", key), OUR_CASE) for key in ("holder-one", "holder-two")
    ),
    "licenses.after": tuple(
        encode_cursor(bound_label("License", "370214", key), one)
        for one in _IDENTIFIERS
        for key in ("holder-one", "holder-two")
    ),
    "jurisdictions.after": (encode_cursor("Jurisdiction", "220103"), encode_cursor("Matter", "1")),
    "matters.after": (encode_cursor("Matter", "000101002000"), encode_cursor("Matter", "zzz")),
    "matters.type": ("01", "07"),
    "matters.mode": ("全程网办",),
    "licenseTypes.after": (encode_cursor("LicenseType", "11100000000013127D001"),),
}
_ROOTS: Final = (
    "jurisdiction", "jurisdictions", "authority", "matter", "matters", "offering", "offerings", "comparison", "licenseType", "licenseTypes",
    "license", "license", "licenses", "licenses", "licenses", "case", "case", "cases", "consent", "consents",
)  # fmt: skip


@dataclass(slots=True)
class RandomDocument:
    """A document, its variables, and how many stored root fields it has."""

    text: str
    variables: dict[str, Any]
    roots: int


@dataclass(slots=True)
class _Writer:
    schema: GraphQLSchema
    random: random.Random
    skip: frozenset[str]
    definitions: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)

    def variable(self, kind: str, value: Any) -> str:
        name = f"v{len(self.variables)}"
        self.variables[name] = value
        self.definitions.append(f"${name}: {kind}")
        return f"${name}"

    def selection(self, parent: GraphQLObjectType, depth: int) -> str:
        names = [name for name in parent.fields if name not in self.skip and (depth or self.is_leaf(parent, name))]
        chosen = self.random.sample(names, min(len(names), self.random.randint(1, 5)))
        parts = [self.field(parent, name, depth) for name in chosen]
        if not parts or self.random.random() < 0.2:
            parts.append(self.random.choice(["__typename", "typed: __typename"]))
        return "{ " + " ".join(self.wrapped(parent, part) for part in parts) + " }"

    def is_leaf(self, parent: GraphQLObjectType, name: str) -> bool:
        return is_leaf_type(get_named_type(parent.fields[name].type))

    def wrapped(self, parent: GraphQLObjectType, part: str) -> str:
        """Put a field into a fragment now and then, or behind a directive."""
        luck = self.random.random()
        if luck < 0.06:
            return f"... on {parent.name} {{ {part} }}"
        if luck < 0.12:
            self.fragments.append(f"fragment F{len(self.fragments)} on {parent.name} {{ {part} }}")
            return f"...F{len(self.fragments) - 1}"
        if luck < 0.18:
            verb, value = self.random.choice(["skip", "include"]), self.random.random() < 0.5
            given = self.variable("Boolean!", value) if self.random.random() < 0.7 else json.dumps(value)
            return f"... @{verb}(if: {given}) {{ {part} }}"
        return part

    def field(self, parent: GraphQLObjectType, name: str, depth: int) -> str:
        target = get_named_type(parent.fields[name].type)
        alias = f"x{self.random.randint(0, 10**6)}: " if self.random.random() < 0.25 else ""
        below = f" {self.selection(target, depth - 1)}" if is_object_type(target) else ""
        return f"{alias}{name}{below}"

    def root(self, number: int) -> str:
        query = self.schema.query_type
        assert query is not None
        name = self.random.choice(_ROOTS)
        given = self.arguments(name)
        target: Any = get_named_type(query.fields[name].type)
        text = f"({', '.join(f'{key}: {value}' for key, value in given.items())})" if given else ""
        return f"r{number}: {name}{text} {self.selection(target, self.random.randint(1, 5))}"

    def arguments(self, root: str) -> dict[str, str]:
        query: Any = self.schema.query_type
        found: dict[str, str] = {}
        for name, argument in query.fields[root].args.items():
            kind = str(argument.type)
            if not kind.endswith("!") and self.random.random() < 0.5:
                continue
            value = self.value(root, name)
            inline = name != "level" and self.random.random() < 0.5
            found[name] = _literal(value) if inline else self.variable(kind, value)
        return found

    def value(self, root: str, name: str) -> Any:
        if name == "useCause":
            return "a counter in Qingdao"
        if name == "basis":
            return {"consent": self.random.choice([*CONSENTS.values(), EXPIRED_CONSENT])}
        if name == "first":
            return self.random.choice([1, 1, 2, 3, 100, 0, 101])
        if name == "level":
            return self.random.choice(["PROVINCE", "CITY", "COUNTY"])
        if name == "holder":
            code = self.random.choice([*HOLDERS, "NOBODY"])
            return {"certificateHolderTypeCode": "001", "certificateHolderCode": code}
        return self.random.choice(_VALUES[f"{root}.{name}"])


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_literal(inner)}" for name, inner in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def random_document(schema: GraphQLSchema, seed: int, *, skip: frozenset[str] = COMPUTED) -> RandomDocument:
    """Write one document. skip: names of fields that are left out."""
    writer = _Writer(schema=schema, random=random.Random(seed), skip=skip)
    roots = [writer.root(number) for number in range(writer.random.randint(1, 3))]
    header = f"query Q({', '.join(writer.definitions)}) " if writer.definitions else ""
    text = "\n".join([f"{header}{{ {' '.join(roots)} }}", *writer.fragments])
    return RandomDocument(text=text, variables=writer.variables, roots=len(roots))
