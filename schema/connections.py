"""Relay connections in keyset pages: edges, cursors, page limits.

    licenses(holder: ..., useCause: "...", first: 20, after: "<endCursor>") {
      edges { cursor node { certificateIdentifier } } pageInfo { hasNextPage endCursor } }

A cursor is base64url of `<label>:<key>` of its row. It is opaque to callers, and no secret: it names a row that its
holder was shown, and the access rules hold for whatever page it is sent with. A cursor of another list is refused; in a
list of a person's records it is bound to that person and to the county that asks (`<label>.<tag>:<key>`), so that the
place of one holder's license says nothing about the list of another.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Generic, TypeAlias, TypeVar

import strawberry

from ledger.encoding import b64u_decode, b64u_encode
from ledger.errors import Malformed
from schema.mapping import structure
from schema.scalars import Cursor

__all__ = [
    "DEFAULT_PAGE",
    "MAX_PAGE",
    "After",
    "Connection",
    "Edge",
    "First",
    "PageInfo",
    "bound_label",
    "decode_cursor",
    "encode_cursor",
    "page_size",
]

DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100

First: TypeAlias = Annotated[int, strawberry.argument(description="How many rows, 1 to 100.")]
After: TypeAlias = Annotated[Cursor | None, strawberry.argument(description="The endCursor of the page before.")]

Row = TypeVar("Row")

_TAG_CHARACTERS: Final = 16


def bound_label(label: str, *bound: str) -> str:
    """Give the label of a list's cursors that are good for these values only, such as a county and a holder's key."""
    digest = hashlib.sha256("\0".join(bound).encode("utf-8", "surrogatepass")).digest()
    return f"{label}.{b64u_encode(digest)[:_TAG_CHARACTERS]}"


def encode_cursor(label: str, key: str) -> Cursor:
    """Give the cursor of the row of `label` whose key is `key`."""
    return Cursor(b64u_encode(f"{label}:{key}".encode()))


def decode_cursor(label: str, cursor: str) -> str:
    """Give the key that a cursor of `label` stands for.

    Raises Malformed bad_cursor when it is none, or is one of another list.
    """
    try:
        found, separator, key = b64u_decode(cursor).decode().partition(":")
    except (Malformed, UnicodeDecodeError) as error:
        raise Malformed("bad_cursor", "expected a cursor that this list gave") from error
    if found != label or not separator or not key:
        raise Malformed("bad_cursor", "expected a cursor that this list gave")
    return key


def page_size(first: int) -> int:
    """Check `first`: 1..100. Raises Malformed limit_exceeded."""
    if not 1 <= first <= MAX_PAGE:
        raise Malformed("limit_exceeded", f"first: expected 1 to {MAX_PAGE}, got {first}")
    return first


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """The page's own facts, by the Relay specification; pages run forward only."""

    has_next_page: bool = structure(description="Whether more rows follow this page.")
    has_previous_page: bool = structure(description="Whether the page was asked for with `after`.")
    start_cursor: Cursor | None = structure(description="Cursor of the first row; null on an empty page.")
    end_cursor: Cursor | None = structure(description="Cursor of the last row, for `after`; null on an empty page.")


@strawberry.type(description="One row of a page, with its cursor.")
class Edge(Generic[Row]):
    """A row and the cursor that the next page may start after."""

    cursor: Cursor = structure(description="The place of this row in the list.")
    node: Row = structure(description="The row itself.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[Row]):
    """A keyset page: at most `first` rows, in the order of their key."""

    edges: list[Edge[Row]] = structure(description="The rows, in the order of their key.")
    page_info: PageInfo = structure(description="Where this page stands.")
