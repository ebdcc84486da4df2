"""Trusted documents: a registry of documents that clients ask for by the digest of their text.

    {"sha256:2cf2…": "query LookUp($holder: HolderInput!) { … }", …}       the registry: one JSON file

    POST /graphql   {"documentId": "sha256:2cf2…", "variables": {}}
    GET  /graphql?documentId=sha256%3A2cf2…&variables=%7B%7D

    open      any document is answered
    prefer    any document is answered; one that is not registered counts as a new one of its client each time
    only      a document that is not registered is refused before it is parsed, whatever it holds, in the same words

Every registered document is validated and counted against the limits when the hub starts, and kept
(`hub.graphql.admission`): one that does not hold any more stops the start.
Source: GraphQL over HTTP, appendix A (persisted documents).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

import orjson

from ledger.encoding import parse_json
from ledger.errors import Malformed

__all__ = ["MAX_REGISTRY_BYTES", "TrustedMode", "document_id", "is_document_id", "read_registry", "registry_of",
           "write_registry"]  # fmt: skip

TrustedMode: TypeAlias = Literal["open", "prefer", "only"]

MAX_REGISTRY_BYTES: Final = 8 * 1024 * 1024
MAX_DOCUMENTS: Final = 2_000
_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")


def document_id(text: str) -> str:
    """Give the identifier of a document: `sha256:` and the hex digest of its UTF-8 text, white space included."""
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def is_document_id(text: str) -> bool:
    """Tell whether a text has the form of an identifier."""
    return _ID.fullmatch(text) is not None


def read_registry(data: bytes) -> dict[str, str]:
    """Read a registry: identifier -> text.

    At most 8 MiB and 2,000 documents; each under the digest of its own text. Raises Malformed bad_file, and as
    `parse_json`.
    """
    value = parse_json(data, max_bytes=MAX_REGISTRY_BYTES, max_depth=1)
    if not isinstance(value, dict) or len(value) > MAX_DOCUMENTS:
        raise Malformed("bad_file", f"registry: expected a JSON object of at most {MAX_DOCUMENTS} documents")
    texts: dict[str, str] = {}
    for identifier, text in value.items():
        if not isinstance(text, str) or document_id(text) != identifier:
            raise Malformed("bad_file", f"registry: the document under {identifier[:80]!r} has another digest")
        texts[identifier] = text
    return texts


def write_registry(texts: Mapping[str, str]) -> bytes:
    """Write a registry, the same bytes for the same documents. Raises Malformed bad_file for too many, or too large."""
    data = orjson.dumps(dict(texts), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    read_registry(data)
    return data


def registry_of(file: Path | None) -> dict[str, str]:
    """Read the registry file of the settings; None gives an empty one. Raises as `read_registry`, and bad_setting."""
    if file is None:
        return {}
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_REGISTRY_BYTES + 1)
    except OSError as error:
        raise Malformed("bad_setting", f"cannot read the trusted documents {file}: {error.strerror}") from error
    return read_registry(data)
