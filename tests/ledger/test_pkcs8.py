"""Encrypted PKCS#8: our form, what OpenSSL makes of it, and files that are damaged or weaker than they look."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.pkcs8 import ENCRYPTED_PEM, INTEGER, OCTET_STRING, ROUNDS, SEQUENCE, decrypt_key, element, encrypt_key
from tests.entropy import seeded

PASSPHRASE: Final = b"a made-up passphrase"
ED25519: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
INFO: Final = ED25519.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
FILE: Final = encrypt_key(INFO, PASSPHRASE, seeded("file"))
DER: Final = base64.b64decode(b"".join(FILE.splitlines()[1:-1]))


def pem(der: bytes) -> bytes:
    return ENCRYPTED_PEM + b"\n" + base64.encodebytes(der) + b"-----END ENCRYPTED PRIVATE KEY-----\n"


def code_of(file: bytes, passphrase: bytes = PASSPHRASE) -> str:
    with pytest.raises(Malformed) as caught:
        decrypt_key(file, passphrase)
    return caught.value.code


def with_rounds(rounds: int) -> bytes:
    """Give the file with another number of rounds in it, in three bytes as ours."""
    written = element(INTEGER, ROUNDS.to_bytes(3, "big"))
    assert DER.count(written) == 1
    return pem(DER.replace(written, element(INTEGER, rounds.to_bytes(3, "big"))))


def test_what_is_encrypted_is_read_again() -> None:
    assert decrypt_key(FILE, PASSPHRASE) == INFO
    assert decrypt_key(FILE.replace(b"\n", b"\r\n"), PASSPHRASE) == INFO


def test_a_known_library_reads_the_file() -> None:
    read = load_pem_private_key(FILE, PASSPHRASE)
    assert isinstance(read, Ed25519PrivateKey)
    assert read.private_bytes_raw() == bytes(range(32))


def test_lines_are_64_characters_and_the_rounds_are_200_000() -> None:
    first, *lines, last = FILE.decode().splitlines()
    assert (first, last) == ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----END ENCRYPTED PRIVATE KEY-----")
    assert {len(line) for line in lines[:-1]} == {64}
    assert ROUNDS == 200_000
    assert element(INTEGER, b"\x03\x0d\x40") in DER


def test_salt_and_vector_are_what_the_random_source_gives() -> None:
    assert encrypt_key(INFO, PASSPHRASE, seeded("file")) == FILE != encrypt_key(INFO, PASSPHRASE, seeded("other"))


@pytest.mark.parametrize(("options", "opens"), [(("-iter", "100000"), True), (("-iter", "99999"), False), ((), False)])
def test_files_of_openssl_open_when_they_have_rounds_enough(
    tmp_path: Path, options: tuple[str, ...], opens: bool
) -> None:
    (tmp_path / "clear.pem").write_bytes(ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "pass").write_bytes(PASSPHRASE)
    command = [
        "openssl",
        "pkcs8",
        "-topk8",
        "-v2",
        "aes-256-cbc",
        *options,
        "-in",
        "clear.pem",
        "-passout",
        "file:pass",
    ]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    if opens:
        assert decrypt_key(made, PASSPHRASE) == INFO
    else:
        assert code_of(made) == "bad_file"


@pytest.mark.parametrize("options", [("-v2", "aes-128-cbc"), ("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1")])
def test_files_of_other_algorithms_are_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "clear.pem").write_bytes(ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    command = ["openssl", "pkcs8", "-topk8", "-iter", "200000", *options, "-in", "clear.pem", "-passout", "pass:x"]
    assert code_of(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout, b"x") == "bad_file"


@pytest.mark.parametrize("rounds", [0, 1, 2048, 99_999, 200_001, 2_000_001, 0xFFFFFF])
def test_another_number_of_rounds_does_not_open_the_file(rounds: int) -> None:
    assert code_of(with_rounds(rounds)) == "bad_file"


@pytest.mark.parametrize("passphrase", [b"", b"another", PASSPHRASE + b"\n", PASSPHRASE[:-1]])
def test_another_passphrase_does_not_open_the_file(passphrase: bytes) -> None:
    assert code_of(FILE, passphrase) == "bad_file"


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\n",
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----",
        FILE.replace(b"ENCRYPTED ", b""),
        FILE + b"trailing\n",
        b"leading\n" + FILE,
        FILE.replace(b"M", b"*", 1),
        FILE.replace(b"\n", b"\n ", 1),
        pem(b""),
        pem(DER + b"\x00"),
        pem(DER[:-1]),
        pem(DER[:-16]),
        pem(b"\x30\x80" + DER[3:]),
        pem(b"\x30\x82\x00" + DER[2:]),
        pem(b"\x30" * 3000),
        pem(b"\xff" * 3000),
        pem(element(SEQUENCE, *[element(OCTET_STRING, b"x")] * 9)),
        pem(element(SEQUENCE, *[element(OCTET_STRING, bytes(300))] * 9)),
    ],
)
def test_another_form_is_refused(file: bytes) -> None:
    assert code_of(file) == "bad_file"


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, 8 * (len(DER) - 48) - 1))
def test_no_changed_bit_before_the_ciphertext_opens_the_file(place: int) -> None:
    """A changed salt, number or vector gives another key; a changed identifier another form."""
    changed = (int.from_bytes(DER, "big") ^ 1 << 8 * len(DER) - 1 - place).to_bytes(len(DER), "big")
    try:
        opened = decrypt_key(pem(changed), PASSPHRASE)
    except Malformed:
        return
    assert opened != INFO


@pytest.mark.parametrize(
    ("size", "header"), [(0, "0400"), (127, "047f"), (128, "048180"), (255, "0481ff"), (256, "04820100")]
)
def test_lengths_are_written_in_their_shortest_form(size: int, header: str) -> None:
    assert element(OCTET_STRING, bytes(size)) == bytes.fromhex(header) + bytes(size)
