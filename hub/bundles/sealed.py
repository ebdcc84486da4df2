r"""The chunks of a bundle: HPKE over each mebibyte of the plaintext, and the whole judged before a byte is opened.

    plaintext   lines of JSON, each ended by \n (hub/bundles/lines.py), cut every 1,048,576 bytes
    chunk i     HPKE base mode, single-shot (RFC 9180, 6.1): enc 32 bytes || ciphertext || tag 16 bytes
                DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM
                info = "tongban bundle 1\n" || kind || " " || county || " " || number || " " || i      i from 0

HPKE tells who may read, not who wrote: the signed head does, which binds the sum of all chunks. So a file that was cut,
grew, or has a changed byte or swapped chunks is refused as a whole, before anything is opened or sent. Anybody can
encrypt to the hub's key: what is opened later must be the very chunks that were checked, or somebody who writes to the
file in between would put words into the county's mouth.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from hub.bundles.head import MAX_BYTES, MAX_HEAD_BYTES, BundleHead, SignedHead, build_head, parse_head
from hub.folderfiles import sync_folder
from ledger.errors import Conflict, Malformed, NotVerified

if TYPE_CHECKING:
    from pathlib import Path

    from hub.bundles.keys import BundleKey
    from ledger.signers import Signer

__all__ = ["CHUNK_BYTES", "CheckedBundle", "OpenBundle", "opened_bundle", "write_bundle"]

CHUNK_BYTES: Final = 1 << 20
MAX_LINE_BYTES: Final = 1 << 20
_OVERHEAD: Final = 48
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def _info(head: BundleHead, number: int) -> bytes:
    return f"tongban bundle 1\n{head.kind} {head.county} {head.number} {number}".encode()


def write_bundle(
    path: Path, lines: Iterable[bytes], head: BundleHead, recipient: BundleKey, *, kid: str, signer: Signer
) -> bytes:
    """Write a bundle of these lines, whole and on disk when this returns, in the place of any other; give its digest.

    head: `to`, `length` and `total` are filled in here. Raises Malformed too_large: more than 256 MiB.
    """
    body, draft = path.with_name(f".{path.name}.body"), path.with_name(f".{path.name}.draft")
    try:
        with body.open("wb+") as chunks:
            size, total = _seal(lines, chunks, head, recipient)
            full = replace(head, to=recipient.thumbprint, length=size, total=total)
            first = build_head(full, kid, signer)
            with draft.open("wb") as file:
                file.write(first)
                chunks.seek(0)
                while part := chunks.read(CHUNK_BYTES):
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        body.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)
    return sha256(first).digest()


def _seal(lines: Iterable[bytes], out: BinaryIO, head: BundleHead, recipient: BundleKey) -> tuple[int, bytes]:
    size, sums, key = 0, sha256(), recipient.recipient()
    for number, plain in enumerate(_cut(lines)):
        size += len(plain)
        if size > MAX_BYTES:
            raise Malformed("too_large", f"a bundle holds at most {MAX_BYTES} bytes")
        chunk = _SUITE.encrypt(plain, key, info=_info(head, number))
        sums.update(sha256(chunk).digest())
        out.write(chunk)
    return size, sums.digest()


def _cut(lines: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for line in lines:
        waiting += line + b"\n"
        while len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES])
            del waiting[:CHUNK_BYTES]
    if waiting:
        yield bytes(waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBundle:
    """A file whose head was read. Nothing of it is believed before its signature and its sum were checked."""

    signed: SignedHead
    file: BinaryIO

    @property
    def head(self) -> BundleHead:
        """What the signed line says."""
        return self.signed.head

    def check_body(self) -> CheckedBundle:
        """Check every chunk against the head; give what may be opened. Raises NotVerified bundle_damaged."""
        if os.fstat(self.file.fileno()).st_size != self.signed.size + sum(self._sizes()):
            raise NotVerified("bundle_damaged", "the file has not as many bytes as its head says")
        sums = tuple(sha256(chunk).digest() for chunk in self.chunks())
        if sha256(b"".join(sums)).digest() != self.head.total:
            raise NotVerified("bundle_damaged", "the chunks are not those that were signed")
        return CheckedBundle(bundle=self, sums=sums)

    def chunks(self) -> Iterator[bytes]:
        """Give the chunks as they stand in the file now."""
        self.file.seek(self.signed.size)
        for size in self._sizes():
            yield self.file.read(size)

    def _sizes(self) -> list[int]:
        whole, rest = divmod(self.head.length, CHUNK_BYTES)
        return [CHUNK_BYTES + _OVERHEAD] * whole + ([rest + _OVERHEAD] if rest else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedBundle:
    """A file whose chunks are those that were signed. sums: SHA-256 of each, 32 bytes."""

    bundle: OpenBundle
    sums: tuple[bytes, ...]

    def lines(self, key: BundleKey) -> Iterator[bytes]:
        """Open the chunks and give the plaintext's lines, without their ends.

        Raises Conflict wrong_target (the bundle is for another key), NotVerified bundle_damaged (also when a chunk is
        not the one that was checked any more), Malformed bad_bundle (a line has more than 1 MiB, or the last one has no
        end).
        """
        head = self.bundle.head
        if key.secret is None or key.thumbprint != head.to:
            raise Conflict("wrong_target", "the bundle was encrypted to another key")
        rest = b""
        for number, (chunk, checked) in enumerate(zip(self.bundle.chunks(), self.sums, strict=True)):
            if sha256(chunk).digest() != checked:
                raise NotVerified("bundle_damaged", f"chunk {number} was changed while the bundle was read")
            try:
                plain = _SUITE.decrypt(chunk, key.secret, info=_info(head, number))
            except InvalidTag as error:
                raise NotVerified("bundle_damaged", f"chunk {number} does not open") from error
            *whole, rest = (rest + plain).split(b"\n")
            if max(map(len, (*whole, rest))) > MAX_LINE_BYTES:
                raise Malformed("bad_bundle", f"a line has more than {MAX_LINE_BYTES} bytes")
            yield from whole
        if rest:
            raise Malformed("bad_bundle", "the last line has no end")


@contextmanager
def opened_bundle(path: Path) -> Iterator[OpenBundle]:
    """Open a file and read its head. Raises Malformed bad_file (it cannot be read), and as parse_head."""
    if path.exists() and not path.is_file():  # a named pipe must not make us wait for its writer
        raise Malformed("bad_file", f"{path.name} is no file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise Malformed("bad_file", f"cannot read {path.name}: {error.strerror}") from error
    with file:
        yield OpenBundle(signed=parse_head(file.read(MAX_HEAD_BYTES)), file=file)
