"""Files that hold secrets: made once with mode 0600 in folders of mode 0700, and not read when others could read them.

keys/*.pem        encrypted PKCS#8 (ledger/signers.py)
keys/*.key        32 random bytes as base64url and a newline
passphrase file   one line; a final newline does not belong to the passphrase
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from hub.folderfiles import all_or_nothing, without_empty_folders
from ledger.encoding import b64u_decode, b64u_encode
from ledger.errors import Conflict, Malformed
from ledger.signers import MAX_PEM_BYTES, SoftwareSigner

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from ledger.suites import PublicKey

__all__ = [
    "SECRET_BYTES",
    "create_secret",
    "create_signer",
    "fingerprint",
    "founded_folder",
    "make_private_folder",
    "read_passphrase",
    "read_private",
    "read_secret",
    "read_signer",
    "write_private",
]

SECRET_BYTES: Final = 32
_MAX_PASSPHRASE: Final = 1023  # bytes; what OpenSSL takes
_OTHERS: Final = 0o077


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter, or take one that is so. Raises Malformed bad_file."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise Malformed("bad_file", f"{path} is there and no folder") from error
    if path.stat().st_mode & _OTHERS:
        raise Malformed("bad_file", f"folder {path.name} can be entered by others: expected mode 0700")


@contextmanager
def founded_folder(path: Path, names: Collection[str]) -> Iterator[None]:
    """Make a folder as `make_private_folder` does, for what a block makes in it: of a block that fails nothing is left.

    names: of the files and folders that the block makes. Raises Malformed bad_file.
    """
    with without_empty_folders(path):
        make_private_folder(path)
        with all_or_nothing(path, names):
            yield


def write_private(path: Path, data: bytes) -> None:
    """Write a new file of mode 0600, whole and on disk when this returns. Raises Conflict already_exists."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError as error:
        raise Conflict("already_exists", f"file {path.name} is there already") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        path.unlink()
        raise


def read_private(path: Path, *, max_bytes: int) -> bytes:
    """Read a file that only its owner can read. Raises Malformed bad_file, too_large."""
    try:
        # A named pipe must not make us wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Malformed("bad_file", f"cannot open {path.name}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)  # of what was opened, not of what the name means by now
        if not stat.S_ISREG(status.st_mode) or status.st_mode & _OTHERS:
            raise Malformed("bad_file", f"{path.name} can be read by others: expected a file of mode 0600")
        data = os.read(descriptor, max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(data) > max_bytes:
        raise Malformed("too_large", f"{path.name} has more than {max_bytes} bytes")
    return data


def read_passphrase(path: Path) -> bytes:
    """Read a passphrase file of mode 0600: one line, 1..1,023 bytes. Raises Malformed bad_file, too_large."""
    passphrase = read_private(path, max_bytes=_MAX_PASSPHRASE + 1).removesuffix(b"\n")
    if not 1 <= len(passphrase) <= _MAX_PASSPHRASE or b"\n" in passphrase:
        raise Malformed("bad_file", f"{path.name} is not one line of 1..{_MAX_PASSPHRASE} bytes")
    return passphrase


def create_secret(path: Path, secret: bytes) -> None:
    """Write 32 secret bytes as a new file. Raises Conflict already_exists, Malformed bad_file."""
    if len(secret) != SECRET_BYTES:
        raise Malformed("bad_file", f"expected a secret of {SECRET_BYTES} bytes")
    write_private(path, b64u_encode(secret).encode("ascii") + b"\n")


def read_secret(path: Path) -> bytes:
    """Read 32 secret bytes. Raises Malformed bad_file, too_large, bad_base64."""
    text = read_private(path, max_bytes=64)
    if not text.isascii() or not text.endswith(b"\n"):
        raise Malformed("bad_file", f"{path.name} is not one line of base64url")
    try:
        return b64u_decode(text[:-1].decode("ascii"), size=SECRET_BYTES)
    except Malformed as error:
        raise Malformed(error.code, f"{path.name} is not {SECRET_BYTES} bytes as base64url") from error


def create_signer(path: Path, alg: str, passphrase: bytes, random: Callable[[int], bytes]) -> SoftwareSigner:
    """Make a signing key and write it as encrypted PKCS#8. Raises Conflict already_exists, Malformed unknown_alg."""
    signer = SoftwareSigner.generate(alg, random)
    write_private(path, signer.to_pkcs8(passphrase))
    return signer


def fingerprint(key: PublicKey) -> str:
    """Give what two people compare by telephone: 16 hex digits of SHA-256 over suite and coordinates, in fours."""
    digest = hashlib.sha256(key.alg.encode("ascii") + key.x + (key.y or b"")).hexdigest()
    return " ".join(digest[start : start + 4] for start in range(0, 16, 4))


def read_signer(path: Path, passphrase: bytes) -> SoftwareSigner:
    """Open a signing key. Raises Malformed bad_file (others can read it, damaged, wrong passphrase), unknown_alg."""
    pem = read_private(path, max_bytes=MAX_PEM_BYTES)
    try:
        return SoftwareSigner.from_pkcs8(pem, passphrase)
    except Malformed as error:
        raise Malformed(error.code, f"{error.message}: {path}") from error
