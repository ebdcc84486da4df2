"""Private SM2 keys: the scalar's range, the public half, the file, and where randomness comes from."""

from __future__ import annotations

import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed, Unavailable
from ledger.pkcs8 import decrypt_key, encrypt_key
from ledger.signers import SoftwareSigner
from ledger.sm2_curve import ORDER
from ledger.sm2_keys import Sm2PrivateKey
from ledger.suites import load_public_key, verify
from tests import textbook_sm2 as textbook
from tests.entropy import seeded, signer_of
from tests.vector_files import read_vectors

KEY: Final = {name: bytes.fromhex(value) for name, value in read_vectors("sm2.json")["key"].items() if len(value) == 64}
PASSPHRASE: Final = b"a made-up passphrase"


def scalar_bytes(number: int) -> bytes:
    return number.to_bytes(32, "big")


def fixed(number: int) -> Callable[[int], bytes]:
    return lambda size: number.to_bytes(size, "big")


def test_the_standard_s_key_has_its_public_half() -> None:
    key = Sm2PrivateKey(KEY["d"])
    assert (key.x, key.y) == (KEY["x"], KEY["y"])


@settings(max_examples=20, deadline=None)
@given(scalar=st.integers(1, ORDER - 2) | st.sampled_from([1, 2, ORDER - 2, ORDER - 3, ORDER // 2]))
def test_the_public_half_is_the_textbook_s_product(scalar: int) -> None:
    key = Sm2PrivateKey(scalar_bytes(scalar))
    assert (int.from_bytes(key.x, "big"), int.from_bytes(key.y, "big")) == textbook.multiply(scalar, textbook.G)


@pytest.mark.parametrize(
    "scalar",
    [scalar_bytes(0), scalar_bytes(ORDER - 1), scalar_bytes(ORDER), scalar_bytes(ORDER + 1), b"\xff" * 32, b"", b"\x01",
     b"\x00" + scalar_bytes(5)],
)  # fmt: skip
def test_a_scalar_out_of_range_is_refused_and_gmssl_never_sees_it(
    scalar: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """With d = n - 1 there is no (1 + d)^-1. GmSSL would write a line to the log for each such key."""
    with pytest.raises(Malformed) as caught:
        Sm2PrivateKey(scalar)
    assert caught.value.code == "weak_key"
    assert capfd.readouterr() == ("", "")


def test_generated_scalars_reach_both_ends() -> None:
    for number, scalar in [(0, 1), (ORDER - 3, ORDER - 2), (ORDER - 2, 1)]:
        generated, same = Sm2PrivateKey.generate(fixed(number)), Sm2PrivateKey(scalar_bytes(scalar))
        assert (generated.x, generated.y) == (same.x, same.y)


def test_signing_draws_no_randomness_of_python() -> None:
    """The nonce is GmSSL's own: Python's generator neither moves nor matters."""
    signer = signer_of("county", "SM2")
    random.seed(7)
    state = random.getstate()
    first = signer.sign(b"statement")
    assert random.getstate() == state
    random.seed(7)
    assert signer.sign(b"statement") != first


def test_no_nonce_is_used_twice() -> None:
    """With r = e + x1, two signatures of one message share r if and only if they share the nonce."""
    signer = signer_of("county", "SM2")
    assert len({signer.sign(b"statement")[:32] for _ in range(200)}) == 200


@contextmanager
def no_new_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_random_bytes_there_is_no_signature() -> None:
    """GmSSL reads the system's random device; when it cannot, nothing is signed with a nonce of less."""
    signer = signer_of("county", "SM2")
    with no_new_files(), pytest.raises(Unavailable) as caught:
        signer.sign(b"statement")
    assert caught.value.code == "not_ready"
    verify(signer.public_key, b"statement", signer.sign(b"statement"))


def openssl(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True).stdout


def test_openssl_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "pass").write_bytes(PASSPHRASE)
    (tmp_path / "key.pem").write_bytes(SoftwareSigner(Sm2PrivateKey(KEY["d"])).to_pkcs8(PASSPHRASE))
    public = openssl(tmp_path, "pkey", "-in", "key.pem", "-passin", "file:pass", "-pubout", "-outform", "DER")
    assert public.endswith(b"\x04" + KEY["x"] + KEY["y"])


@pytest.mark.parametrize(
    "options", [("-algorithm", "SM2"), ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2")], ids=["SM2", "EC"]
)
def test_a_file_of_openssl_is_read(tmp_path: Path, options: tuple[str, ...]) -> None:
    openssl(tmp_path, "genpkey", *options, "-out", "clear.pem")
    encrypted = ("-v2", "aes-256-cbc", "-iter", "200000", "-passout", "pass:made-up")
    made = openssl(tmp_path, "pkcs8", "-topk8", "-in", "clear.pem", *encrypted)
    public = openssl(tmp_path, "pkey", "-in", "clear.pem", "-pubout", "-outform", "DER")
    signer = SoftwareSigner.from_pkcs8(made, b"made-up")
    assert signer.public_key == load_public_key("SM2", public[-64:-32], public[-32:])
    verify(signer.public_key, b"statement", signer.sign(b"statement"))


def _info() -> bytes:
    return decrypt_key(Sm2PrivateKey(KEY["d"]).to_pkcs8(PASSPHRASE), PASSPHRASE)


@pytest.mark.parametrize(
    "info",
    [
        b"",
        _info()[:-1],
        _info() + b"\x00",
        _info().replace(KEY["d"], bytes(32)),
        _info().replace(KEY["d"], b"\xff" * 32),
        _info().replace(KEY["d"], scalar_bytes(5)),  # the public half is another key's
        _info().replace(KEY["y"], bytes(32)),
        _info().replace(bytes.fromhex("2a811ccf5501822d"), bytes.fromhex("2a8648ce3d030107")),  # named P-256
        ec.derive_private_key(5, ec.SECP256R1()).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    ],
)
def test_a_file_with_another_key_in_it_is_refused(info: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        Sm2PrivateKey.from_pkcs8(encrypt_key(info, PASSPHRASE, seeded("file")), PASSPHRASE)
    assert caught.value.code == "bad_file"


def test_a_public_half_of_another_key_is_refused_by_the_signer_too() -> None:
    info = _info().replace(KEY["d"], scalar_bytes(5))
    with pytest.raises(Malformed) as caught:
        SoftwareSigner.from_pkcs8(encrypt_key(info, PASSPHRASE, seeded("file")), PASSPHRASE)
    assert caught.value.code == "bad_file"


def test_a_key_shows_no_scalar() -> None:
    key = Sm2PrivateKey(KEY["d"])
    assert KEY["d"].hex() not in repr(key) + str(key)
    assert str(int.from_bytes(KEY["d"], "big")) not in repr(key)
