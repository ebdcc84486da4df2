"""Row rules as literal Cypher: what a caller may not see is never fetched.

A predicate joins the statement wherever a node of its label enters: at the start, along a relationship to one node,
in a list. `{n}` stands for the node's variable; the values are parameters that the caller's token gives, never an
argument. A row that is cut looks exactly like a row that is absent.

    a1.sealedBy = $caller_county
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ledger.workdays import china_day
from schema.context import Context

__all__ = ["CONTEXT_VALUES", "PERSONAL_KEYS", "PREDICATES", "Predicate", "predicate_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """One row rule for one label. parameters: names of `CONTEXT_VALUES` that the text reads."""

    cypher: str
    parameters: tuple[str, ...]


PREDICATES: Final[Mapping[tuple[str, str], Predicate]] = {
    ("own_county", "License"): Predicate(cypher="{n}.sealedBy = $caller_county", parameters=("caller_county",)),
    # Null: who reads names no basis, and is kept within the own county, or to a case, by other means.
    ("basis", "License"): Predicate(
        cypher="($basis_holder IS NULL OR EXISTS { ({n})-[:HELD_BY]->(:Holder {key: $basis_holder}) })",
        parameters=("basis_holder",),
    ),
    ("consent_party", "Consent"): Predicate(
        cypher="({n}.county = $caller_county OR {n}.statedBy = $caller_county)", parameters=("caller_county",)
    ),
    ("own_holder", "Consent"): Predicate(
        cypher="EXISTS { ({n})-[:GRANTED_BY]->(:Holder {key: $caller_holder}) }", parameters=("caller_holder",)
    ),
    ("case_party", "Case"): Predicate(
        cypher="({n}.takenInBy = $caller_county OR {n}.handledBy = $caller_county OR {n}.pickedUpAt = $caller_county)",
        parameters=("caller_county",),
    ),
    ("objection_party", "Objection"): Predicate(
        cypher="({n}.raisedBy = $caller_county OR {n}.answeredBy = $caller_county)", parameters=("caller_county",)
    ),
    ("own_holder", "Objection"): Predicate(
        cypher="({n}.holderKey = $caller_holder"
        " OR EXISTS { ({n})<-[:DISPUTED_BY]-(:License)-[:HELD_BY]->(:Holder {key: $caller_holder}) })",
        parameters=("caller_holder",),
    ),
    ("own_holder", "License"): Predicate(
        cypher="EXISTS { ({n})-[:HELD_BY]->(:Holder {key: $caller_holder}) }", parameters=("caller_holder",)
    ),
    # Its applicant's: a case that uses somebody else's license, too, is not shown to that one.
    ("own_holder", "Case"): Predicate(
        cypher="EXISTS { ({n})-[:APPLIED_BY]->(:Holder {key: $caller_holder}) }", parameters=("caller_holder",)
    ),
}
"""(row rule of schema.access, label) -> predicate."""

PERSONAL_KEYS: Final[Mapping[str, str]] = {
    "Case": "caseNumber",
    "License": "certificateIdentifier",
    "Objection": "id",
}
"""Labels whose nodes are a person's records -> the property that names them in an access record."""


def _today(context: Context) -> str:
    return china_day(context.clock()).isoformat()


def _now(context: Context) -> str:
    return datetime.fromtimestamp(context.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


CONTEXT_VALUES: Final[Mapping[str, Callable[[Context], Any]]] = {
    "basis_holder": lambda _context: None,  # the root field's basis says whose, if it names one
    "caller_county": lambda context: context.principal.county,
    "caller_holder": lambda context: context.principal.holder,
    "now": _now,
    "today": _today,
}
"""Parameters that the request's context gives, for predicates and own expressions: the calendar day is China's."""


def predicate_text(predicate: Predicate, variable: str) -> str:
    """Give the predicate's Cypher over one node variable."""
    return predicate.cypher.replace("{n}", variable)
