"""Targets of private keys in files. Deriving a key takes long by design, so the form is fuzzed apart from the rest."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from ledger.errors import Malformed
from ledger.pkcs8 import _der, _document, _fields, encrypt_key
from ledger.signers import SoftwareSigner
from ledger.suites import load_public_key
from tests.entropy import seeded, signer_of
from tests.fuzz.campaign import Target
from tests.fuzz.targets.texts import same

__all__ = ["targets"]

PASSPHRASE: Final = b"a made-up passphrase"


@cache
def _files() -> tuple[bytes, ...]:
    sm2 = signer_of("sm2 seal", "SM2")
    return encrypt_key(sm2._private_key._info(), PASSPHRASE, seeded("file")), signer_of("seal").to_pkcs8(PASSPHRASE)


def _form(data: bytes) -> None:
    """Everything of a file but the derivation of its key."""
    try:
        salt, rounds, iv, ciphertext = _fields(_der(data))
    except (IndexError, ValueError) as error:  # what decrypt_key turns into Malformed
        raise Malformed("bad_file", "expected an encrypted key") from error
    same(_document(salt, rounds, iv, ciphertext), _der(data))
    assert 100_000 <= rounds <= 2_000_000


def _file(data: bytes) -> None:
    SoftwareSigner.from_pkcs8(data, PASSPHRASE)


def _public(data: bytes) -> None:
    """32 or 64 bytes as a key of each suite."""
    for alg in ("Ed25519", "ES256", "SM2"):
        x, y = data[:32], data[32:64]
        try:
            load_public_key(alg, x, y or None)
        except Malformed:
            continue
        assert len(x) == 32


def _publics() -> list[bytes]:
    keys = [signer_of("public", alg).public_key for alg in ("Ed25519", "ES256", "SM2")]
    return [key.x + (key.y or b"") for key in keys]


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="PKCS#8 form", seeds=lambda: _files()[:1], run=_form)
    yield Target(name="PKCS#8 file", seeds=_files, run=_file, share=0.01)
    yield Target(name="public key", seeds=_publics, run=_public)
