"""zlib streams read strictly: bounded while they inflate, whole, and nothing after their end.

Source: RFC 1950. A preset dictionary is refused: nobody agreed on one.
"""

from __future__ import annotations

import zlib

from ledger.errors import Malformed

__all__ = ["deflate", "inflate"]


def deflate(data: bytes) -> bytes:
    """Compress at level 9."""
    return zlib.compress(data, 9)


def inflate(data: bytes, *, max_bytes: int) -> bytes:
    """Inflate one stream of at most `max_bytes` bytes; no more memory than that is used, whatever it claims.

    Raises Malformed too_large, bad_encoding (no zlib stream, cut short, or bytes after its end).
    """
    stream = zlib.decompressobj()
    try:
        inflated = stream.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise Malformed("bad_encoding", "expected a zlib stream") from error
    if len(inflated) > max_bytes:
        raise Malformed("too_large", f"zlib stream inflates to more than {max_bytes} bytes")
    if not stream.eof or stream.unused_data:
        raise Malformed("bad_encoding", "zlib stream is cut short, or something follows it")
    return inflated
