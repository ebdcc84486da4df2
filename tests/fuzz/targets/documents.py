"""Target of GraphQL documents: what is read in one pass is valid and graphql-core's tree; all else has a stable code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from hub.graph.tables import build_tables
from hub.graphql.documents import DocumentRefused, Documents
from hub.graphql.limits import Limits
from ledger.errors import CODES
from schema.assembly import build_schema
from tests.document_files import DOCUMENTS
from tests.fuzz.campaign import Target
from tests.fuzz.mutation import WORDS
from tests.read_documents import check_reading

__all__ = ["targets"]

_SIGNS: Final = (
    b"{", b"}", b"(", b")", b"[", b"]", b"!", b"$", b"@", b"...", b"&", b"|", b"query ", b"mutation ", b"subscription ", b"fragment F on License ",
    b"...F", b"... on License {", b"@skip(if: true)", b"@include(if: $a)", b"$holder", b"__typename", b"__schema { types { name } }", b"status",
    b'"""', b'\\"""', b"\\u{1F600}", b"\\ud83d\\ude00", b"a: ", b"on", b"first: 1", b"basis: null", b"# a\n", b"-0", b"1.0e5", b"{{{{" * 20,
)  # fmt: skip


@cache
def _documents() -> Documents:
    return Documents(build_tables(build_schema()), Limits(documents=20, refused_documents=20))


def _document(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape")
    if check_reading(text):
        return "read in one pass"
    try:
        _documents().load(text)
    except DocumentRefused as error:
        code = error.faults[0].code
        raise CODES[code](code, "refused") from error
    return "left to graphql-core"


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="GraphQL document", seeds=lambda: [one.text.encode() for one in DOCUMENTS.values()],
                 run=_document, words=(*WORDS, *_SIGNS), share=0.1)  # fmt: skip
