"""Encrypted PKCS#8 for keys that `cryptography` cannot hold: PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC.

    -----BEGIN ENCRYPTED PRIVATE KEY-----                                                   RFC 7468, 11
    EncryptedPrivateKeyInfo ::= SEQUENCE {                                                  RFC 5958, 3
      SEQUENCE { PBES2, SEQUENCE {                                                          RFC 8018, A.4
        SEQUENCE { PBKDF2, SEQUENCE { OCTET STRING salt, INTEGER rounds, SEQUENCE { hmacWithSHA256, NULL } } },
        SEQUENCE { aes256-CBC-PAD, OCTET STRING iv } } },
      OCTET STRING ciphertext }

One set of algorithms, at least 100,000 rounds: a file that names others is refused, so that none is weaker than it
looks. `openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 200000` writes this form.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator
from hashlib import pbkdf2_hmac
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from ledger.errors import Malformed

__all__ = [
    "ENCRYPTED_PEM",
    "INTEGER",
    "OCTET_STRING",
    "ROUNDS",
    "SEQUENCE",
    "check_derivation",
    "decrypt_key",
    "element",
    "encrypt_key",
]

ENCRYPTED_PEM: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
SEQUENCE: Final = 0x30
ROUNDS: Final = 200_000
"""Of PBKDF2 in the files that are written."""

_END_PEM: Final = b"-----END ENCRYPTED PRIVATE KEY-----"
_ROUNDS: Final = range(100_000, 2_000_001)  # few rounds protect little; with too many, opening takes seconds
_SALT_BYTES: Final = range(8, 65)
_BLOCK_BYTES: Final = 16
_COLUMNS: Final = 64
_CONSTRUCTED: Final = 0x20
_PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
_PBKDF2: Final = bytes.fromhex("06092a864886f70d01050c")
_HMAC_SHA256: Final = bytes.fromhex("300c06082a864886f70d02090500")
_AES_256_CBC: Final = bytes.fromhex("060960864801650304012a")


def encrypt_key(info: bytes, passphrase: bytes, random: Callable[[int], bytes]) -> bytes:
    """Write a PrivateKeyInfo as encrypted PEM; `random(n)` gives n fresh random bytes for salt and vector."""
    salt, iv = random(_BLOCK_BYTES), random(_BLOCK_BYTES)
    padder = PKCS7(8 * _BLOCK_BYTES).padder()
    encryptor = _cipher(passphrase, salt, ROUNDS, iv).encryptor()
    ciphertext = encryptor.update(padder.update(info) + padder.finalize()) + encryptor.finalize()
    return _pem(_document(salt, ROUNDS, iv, ciphertext))


def decrypt_key(pem: bytes, passphrase: bytes) -> bytes:
    """Read the PrivateKeyInfo out of an encrypted PEM file.

    Raises Malformed bad_file: another form or other algorithms, fewer than 100,000 rounds, another passphrase.
    """
    try:
        salt, rounds, iv, ciphertext = _fields(_der(pem))
        decryptor = _cipher(passphrase, salt, rounds, iv).decryptor()
        unpadder = PKCS7(8 * _BLOCK_BYTES).unpadder()
        return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()
    except (IndexError, ValueError) as error:
        message = f"the passphrase does not open the key file, or it is damaged or has under {_ROUNDS.start:,} rounds"
        raise Malformed("bad_file", message) from error


def check_derivation(pem: bytes) -> None:
    """Check, before any library derives the key of a file, that PBKDF2 derives it in at most 2,000,000 rounds.

    A file that names 2^31 rounds, or the memory of scrypt, would keep whoever opens it busy for minutes. Few rounds are
    taken here: OpenSSL writes few. Raises Malformed bad_file.
    """
    try:
        scheme, function, _, number, *_ = _primitives(_der(pem))
    except (IndexError, ValueError) as error:
        raise Malformed("bad_file", "key file is damaged") from error
    if (scheme, function) != (_PBES2[2:], _PBKDF2[2:]) or int.from_bytes(number, "big") not in range(1, _ROUNDS.stop):
        raise Malformed("bad_file", f"expected a key derived by PBKDF2 in at most {_ROUNDS.stop - 1:,} rounds")


def element(tag: int, *contents: bytes) -> bytes:
    """Write one DER element of fewer than 65,536 bytes."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    return bytes((tag, 0x81, size) if size < 0x100 else (tag, 0x82, *divmod(size, 0x100))) + content


def _document(salt: bytes, rounds: int, iv: bytes, ciphertext: bytes) -> bytes:
    number = element(INTEGER, rounds.to_bytes(rounds.bit_length() // 8 + 1, "big"))
    parameters = element(SEQUENCE, element(OCTET_STRING, salt), number, _HMAC_SHA256)
    derivation = element(SEQUENCE, _PBKDF2, parameters)
    encryption = element(SEQUENCE, _AES_256_CBC, element(OCTET_STRING, iv))
    scheme = element(SEQUENCE, _PBES2, element(SEQUENCE, derivation, encryption))
    return element(SEQUENCE, scheme, element(OCTET_STRING, ciphertext))


def _fields(der: bytes) -> tuple[bytes, int, bytes, bytes]:
    """Read salt, rounds, vector and ciphertext; raises ValueError, IndexError."""
    _, _, salt, number, _, _, _, iv, ciphertext = _primitives(der)
    rounds = int.from_bytes(number, "big")
    if len(salt) not in _SALT_BYTES or rounds not in _ROUNDS or der != _document(salt, rounds, iv, ciphertext):
        raise ValueError
    return salt, rounds, iv, ciphertext


def _primitives(der: bytes) -> Iterator[bytes]:
    """Give the contents of the elements that hold no others, in order; what is no DER is found by writing it again."""
    while der:
        tag, size, start = der[0], der[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(der[2:start], "big")
        if tag & _CONSTRUCTED:
            der = der[start:]
        else:
            yield der[start : start + size]
            der = der[start + size :]


def _cipher(passphrase: bytes, salt: bytes, rounds: int, iv: bytes) -> Cipher[CBC]:
    return Cipher(AES256(pbkdf2_hmac("sha256", passphrase, salt, rounds, dklen=32)), CBC(iv))


def _pem(der: bytes) -> bytes:
    text = binascii.b2a_base64(der, newline=False)
    lines = [text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS)]
    return b"\n".join((ENCRYPTED_PEM, *lines, _END_PEM, b""))


def _der(pem: bytes) -> bytes:
    first, *lines, last = pem.splitlines()
    if (first, last) != (ENCRYPTED_PEM, _END_PEM):
        raise ValueError
    return binascii.a2b_base64(b"".join(lines), strict_mode=True)
