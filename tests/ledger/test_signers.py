from __future__ import annotations

from typing import Any, Final

import pytest
from asn1crypto import pem as armor
from asn1crypto.keys import EncryptedPrivateKeyInfo
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.signers import MAX_PEM_BYTES, Signer, SoftwareSigner
from ledger.suites import P256_ORDER, SUITES, check_low_s, verify
from tests.entropy import seeded, signer_of
from tests.vector_files import read_vectors

VECTORS: Final = read_vectors("signatures.json")
PASSPHRASE: Final = b"a made-up passphrase"


def fixed(data: bytes) -> Any:
    return lambda size: data.rjust(size, b"\x00")


@pytest.mark.parametrize("vector", VECTORS["ed25519"], ids=lambda vector: vector["source"])
def test_ed25519_signs_as_the_standard_does(vector: dict[str, Any]) -> None:
    signer = SoftwareSigner.generate("Ed25519", fixed(bytes.fromhex(vector["seed"])))
    assert signer.public_key.x.hex() == vector["x"]
    assert signer.sign(bytes.fromhex(vector["message"])).hex() == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS["es256"][:2], ids=lambda vector: vector["source"])
def test_es256_signs_as_rfc_6979_with_s_brought_low(vector: dict[str, Any]) -> None:
    scalar = int(vector["scalar"], 16)
    signer = SoftwareSigner.generate("ES256", fixed((scalar - 1).to_bytes(32, "big")))
    assert (signer.public_key.x.hex(), (signer.public_key.y or b"").hex()) == (vector["x"], vector["y"])
    s = int(vector["signature"][64:], 16)
    low = f"{min(s, P256_ORDER - s):064x}"
    assert signer.sign(bytes.fromhex(vector["message"])).hex() == vector["signature"][:64] + low


@settings(max_examples=30, deadline=None)
@given(alg=st.sampled_from(["Ed25519", "ES256"]), message=st.binary(max_size=200))
def test_one_message_has_one_signature_and_it_verifies(alg: str, message: bytes) -> None:
    signer: Signer = signer_of("county", alg)
    signature = signer.sign(message)
    assert signer.sign(message) == signature
    verify(signer.public_key, message, signature)
    check_low_s(alg, signature)


@settings(max_examples=10, deadline=None)
@given(message=st.binary(max_size=200))
def test_an_sm2_message_has_many_signatures_and_all_verify(message: bytes) -> None:
    signer: Signer = signer_of("county", "SM2")
    signatures = {signer.sign(message) for _ in range(3)}
    assert len(signatures) == 3
    for signature in signatures:
        verify(signer.public_key, message, signature)


@pytest.mark.parametrize("alg", list(SUITES))
def test_a_key_survives_its_file(alg: str) -> None:
    signer = signer_of("county", alg)
    pem = signer.to_pkcs8(PASSPHRASE)
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert len(pem) < MAX_PEM_BYTES
    again = SoftwareSigner.from_pkcs8(pem, PASSPHRASE)
    assert again.public_key == signer.public_key
    verify(signer.public_key, b"statement", again.sign(b"statement"))


@pytest.mark.parametrize("alg", list(SUITES))
def test_keys_depend_on_the_randomness_alone(alg: str) -> None:
    assert signer_of("one", alg).public_key == signer_of("one", alg).public_key
    assert signer_of("one", alg).public_key != signer_of("two", alg).public_key


@pytest.mark.parametrize("alg", ["ES256", "SM2"])
@pytest.mark.parametrize("extreme", [b"\x00" * 40, b"\xff" * 40])
def test_every_randomness_gives_a_scalar_in_range(extreme: bytes, alg: str) -> None:
    signer = SoftwareSigner.generate(alg, lambda size: extreme[:size])
    verify(signer.public_key, b"statement", signer.sign(b"statement"))


@pytest.mark.parametrize("alg", ["sm2", "EdDSA", "none", ""])
def test_no_key_of_another_suite_is_made(alg: str) -> None:
    with pytest.raises(Malformed) as caught:
        SoftwareSigner.generate(alg, seeded("x"))
    assert caught.value.code == "unknown_alg"


@pytest.mark.parametrize("alg", list(SUITES))
def test_another_passphrase_does_not_open_the_file(alg: str) -> None:
    pem = signer_of("county", alg).to_pkcs8(PASSPHRASE)
    for wrong in (b"another passphrase", b""):
        with pytest.raises(Malformed) as caught:
            SoftwareSigner.from_pkcs8(pem, wrong)
        assert caught.value.code == "bad_file"


def test_a_key_in_the_clear_is_refused() -> None:
    private = ec.derive_private_key(5, ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(Malformed) as caught:
        SoftwareSigner.from_pkcs8(pem, PASSPHRASE)
    assert caught.value.code == "bad_file"


@pytest.mark.parametrize("alg", list(SUITES))
@pytest.mark.parametrize("cut", [0, 1, 40, 100])
def test_a_damaged_file_is_refused(cut: int, alg: str) -> None:
    pem = signer_of("county", alg).to_pkcs8(PASSPHRASE)
    with pytest.raises(Malformed) as caught:
        SoftwareSigner.from_pkcs8(pem[:cut], PASSPHRASE)
    assert caught.value.code == "bad_file"


def test_a_huge_file_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed) as caught:
        SoftwareSigner.from_pkcs8(b"-" * (MAX_PEM_BYTES + 1), PASSPHRASE)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("rounds", [0, 2_000_001, 2**31 - 1])
def test_a_file_of_too_many_rounds_is_refused_before_its_key_is_derived(rounds: int) -> None:
    """Found by fuzzing: one changed byte, and opening the file would take minutes."""
    _, _, der = armor.unarmor(signer_of("key").to_pkcs8(PASSPHRASE))
    info = EncryptedPrivateKeyInfo.load(der)
    derivation = info["encryption_algorithm"]["parameters"]["key_derivation_func"]
    derivation["parameters"]["iteration_count"] = rounds
    with pytest.raises(Malformed) as caught:
        SoftwareSigner.from_pkcs8(armor.armor("ENCRYPTED PRIVATE KEY", info.dump(force=True)), PASSPHRASE)
    assert caught.value.code == "bad_file"


def test_keys_of_another_kind_are_refused() -> None:
    for private in (ec.derive_private_key(5, ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE))
        with pytest.raises(Malformed) as caught:
            SoftwareSigner.from_pkcs8(pem, PASSPHRASE)
        assert caught.value.code == "unknown_alg"


@pytest.mark.parametrize("alg", list(SUITES))
def test_a_signer_shows_its_public_key_only(alg: str) -> None:
    signer = signer_of("county", alg)
    assert repr(signer) == f"SoftwareSigner({signer.public_key!r})"
