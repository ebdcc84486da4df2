"""What every contender is asked: the ten documents of loadtests/operations/mix, for many holders and matters.

    mix    eight selections of a holder's licenses, two of a matter: chosen at random, 8 to 2
    one    a single document, l6-places, for all holders
    cold   documents that nobody has seen: each another selection of fields, not only another name

The ten are the same for every contender and never change: whoever changes one bases all figures anew. @neo4j/graphql
makes its own schema of the graph, so it is asked `one` in the form that this schema has (`NEO4J_DOCUMENT`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from hub.demo.alliance import SAMPLE
from ledger.identifiers import holder_key
from loadtests.population import Holder

__all__ = ["DOCUMENTS", "Asked", "check_data", "cold", "mix", "neo4j_one", "neo4j_pairs", "one", "one_pairs"]

_FOLDER: Final = Path(__file__).parent.parent.parent / "operations" / "mix"
DOCUMENTS: Final[Mapping[str, str]] = {path.stem: path.read_text("utf-8") for path in sorted(_FOLDER.glob("*.graphql"))}
_ONE: Final = "l6-places"

NEO4J_DOCUMENT: Final = """\
query Places($key: ID!) {
  holders(where: {key: {eq: $key}}) {
    licenses(sort: [{certificateIdentifier: ASC}], limit: 20) {
      certificateIdentifier
      status
      certificateIssuedDate
      type {
        name
      }
      issuedBy {
        name
        jurisdiction {
          code
          name
        }
      }
    }
  }
}
"""

_SCALARS: Final = (
    "logIndex", "leafHash", "status", "statusReason", "certificateIssuedDate", "certificateEffectiveDate",
    "certificateExpiringDate", "sealedAt", "sealedBy",
)  # fmt: skip
_TYPE: Final = ("code", "name", "definerName", "holderCategory", "validityYears")
_PLACE: Final = ("code", "name", "level")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, and whose licenses or which matter the answer is about."""

    document: str
    variables: Mapping[str, Any]
    holder: Holder | None = None
    matter: str | None = None

    def body(self) -> bytes:
        """Give the request's JSON."""
        return orjson.dumps({"query": self.document, "variables": self.variables})


def mix(holders: Sequence[Holder], matters: Sequence[str]) -> list[Asked]:
    """Ask each of the eight documents for every holder, and a quarter as often the two about matters."""
    found = [_of(DOCUMENTS[name], holder) for name in DOCUMENTS if name[0] == "l" for holder in holders]
    turns = range(len(found) // 8)
    return found + [_about(text, matters[turn % len(matters)]) for text in _matter_documents() for turn in turns]


def one(holders: Sequence[Holder]) -> list[Asked]:
    """Ask the single document for every holder."""
    return [_of(DOCUMENTS[_ONE], holder) for holder in holders]


def neo4j_one(holders: Sequence[Holder], secret: bytes) -> list[Asked]:
    """Ask the same of @neo4j/graphql. secret: the alliance's holder key."""
    return [
        Asked(
            document=NEO4J_DOCUMENT, variables={"key": holder_key(secret, holder.type_code, holder.code)}, holder=holder
        )
        for holder in holders
    ]


def cold(holders: Sequence[Holder], count: int, seed: int) -> list[Asked]:
    """Ask `count` documents, each with another selection; the same for the same seed."""
    chance, seen, found = random.Random(f"cold {seed}"), set[str](), list[Asked]()
    while len(found) < count:
        text = _selection(chance)
        if text not in seen:
            seen.add(text)
            found.append(_of(text, holders[len(found) % len(holders)]))
    return found


def _selection(chance: random.Random) -> str:
    def some(names: Sequence[str]) -> str:
        return " ".join(chance.sample(names, chance.randint(1, len(names))))

    parts = [f"certificateIdentifier {some(_SCALARS)}"]
    if chance.random() < 0.7:
        parts.append(f"type {{ {some(_TYPE)} }}")
    if chance.random() < 0.7:
        above = "".join(f"within {{ {some(_PLACE)} " for _ in range(chance.randint(0, 2)))
        place = f"jurisdiction {{ {some(_PLACE)} {above}{'}' * above.count('{')} }}"
        parts.append(f"issuedBy {{ {some(_TYPE[:2])} {place} }}")
    chance.shuffle(parts)
    given = "($holder: HolderInput!, $useCause: UseCause!, $basis: ReadBasis!)"
    asked = "(holder: $holder, useCause: $useCause, basis: $basis, first: 20)"
    return f"query Cold{given} {{ licenses{asked} {{ edges {{ node {{ {' '.join(parts)} }} }} }} }}"


def _of(document: str, holder: Holder) -> Asked:
    return Asked(document=document, variables=holder.variables(), holder=holder)


def _about(document: str, matter: str) -> Asked:
    return Asked(document=document, variables={"code": matter}, matter=matter)


def _matter_documents() -> list[str]:
    return [text for name, text in DOCUMENTS.items() if name[0] == "m"]


def check_data(asked: Asked, answer: Mapping[str, Any]) -> None:
    """Check an answer of the product's form for content. Raises ValueError."""
    data = answer.get("data")
    if answer.get("errors") or not data:
        raise ValueError(f"errors: {answer.get('errors')}")
    if asked.matter is not None:
        found = data["matter"]
        counties = [each["county"]["code"] for each in found["offerings"]]
        if found["code"] != asked.matter or sorted(counties) != sorted(SAMPLE):
            raise ValueError(f"another matter than {asked.matter}, or not the offerings of all counties")
    if asked.holder is not None:
        nodes = [edge["node"] for edge in data["licenses"]["edges"]]
        if tuple(node["certificateIdentifier"] for node in nodes) != asked.holder.identifiers[:20]:
            raise ValueError("not exactly the holder's licenses")


def one_pairs(answer: Mapping[str, Any]) -> list[Any]:
    """Give the values of an answer to `one`, license by license."""
    return [list(_flat(edge["node"])) for edge in answer["data"]["licenses"]["edges"]]


def neo4j_pairs(answer: Mapping[str, Any]) -> list[Any]:
    """Give the same of @neo4j/graphql's answer, which has a list of one where the product has one."""
    return [list(_flat(node)) for node in answer["data"]["holders"][0]["licenses"]]


def _flat(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for each in value.values():
                yield from _flat(each)
        case list():
            for each in value:
                yield from _flat(each)
        case _:
            yield value
