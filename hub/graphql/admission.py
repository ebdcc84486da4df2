"""Which documents are let in, at what rate and how many: trusted documents, quotas of clients, turns of partners.

request -> registry (by identifier or text) -> document
        -> a text that is not registered: refused in mode `only`; else loaded, and what is new counts against its client

Before that comes the turn: the process works on a few documents at once, and turns away what it cannot come to in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hub.graphql.documents import Document, DocumentRefused, Documents, Fault
from hub.graphql.trusted import TrustedMode
from ledger.errors import Malformed

if TYPE_CHECKING:
    from hub.graphql.execution import GraphQLRequest
    from hub.graphql.quotas import Quotas
    from hub.turns import Turns
    from schema.access import Principal

__all__ = ["Admission", "Admitted"]

_UNTRUSTED: Final = Fault(code="untrusted_document", message="expected a document of this hub's registry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What is let in. texts: the registry, identifier -> text. mode: as of `trusted`.

    quotas: of each client; turns: of all of them together; None for no bounds.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    mode: TrustedMode = "open"
    quotas: Quotas | None = None
    turns: Turns | None = None


class Admitted:
    """The documents of one schema behind the admission of one hub. Used from the event loop alone.

    Making it raises Malformed bad_document with the identifier of a registered document that does not hold any more.
    """

    def __init__(self, documents: Documents, admission: Admission) -> None:
        self._documents: Final = documents
        self._mode: Final = admission.mode
        self._quotas: Final = admission.quotas
        self._turns: Final = admission.turns
        self._by_id: Final = {name: _registered(documents, name, text) for name, text in admission.texts.items()}
        self._by_text: Final = {text: self._by_id[name] for name, text in admission.texts.items()}

    def answering(self, principal: Principal, documents: int = 1) -> AbstractContextManager[None]:
        """Take the places and tokens of so many documents of a client. Raises Refused too_many_requests."""
        return nullcontext() if self._quotas is None else self._quotas.answering(principal, documents)

    def place(self, principal: Principal) -> AbstractContextManager[None]:
        """Take a place for a document whose token was taken. Raises Refused too_many_requests."""
        return nullcontext() if self._quotas is None else self._quotas.place(principal)

    def turn(self, principal: Principal) -> AbstractAsyncContextManager[None]:
        """Have a place for one document, in the line of its county. Raises Unavailable pushback."""
        return nullcontext() if self._turns is None else self._turns.place(principal.county or "")

    def load(self, request: GraphQLRequest, principal: Principal) -> Document:
        """Give the document of a request.

        Raises DocumentRefused: untrusted_document for an unknown identifier and, in mode `only`, for any text that is
        not registered, before anything of it is read; else as `Documents.load`. Raises Refused too_many_requests.
        """
        if request.document_id is not None:
            found = self._by_id.get(request.document_id)
        else:
            found = self._by_text.get(request.query)
            if found is None and self._mode != "only":
                return self._unregistered(request.query, principal)
        if found is None:
            raise DocumentRefused([_UNTRUSTED])
        return found

    def _unregistered(self, text: str, principal: Principal) -> Document:
        quotas = self._quotas
        if quotas is None:
            return self._documents.load(text)
        if self._mode == "prefer":
            quotas.admit_new(principal, len(text))
            return self._documents.load(text)
        return self._documents.load(text, admit=lambda: quotas.admit_new(principal, len(text)))


def _registered(documents: Documents, name: str, text: str) -> Document:
    try:
        return documents.load(text)
    except DocumentRefused as error:
        fault = error.faults[0]
        raise Malformed("bad_document", f"trusted document {name}: {fault.code}: {fault.message}") from error
