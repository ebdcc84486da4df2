"""A seal key that lies in a token (PKCS#11): the private half never leaves it, and the county's folder only names it.

    keys/seal.token     {"module":"/usr/lib/softhsm/libsofthsm2.so","token":"chengyang","label":"370214#2",
                         "pinFile":"/etc/tongban/pin","alg":"ES256","x":"…","y":"…"}

The PIN stands in a file of mode 0600, alone on its line. Suites: ES256 (P-256, mechanism CKM_ECDSA over our SHA-256, s
made low here, since a token gives either), and Ed25519 where the token offers CKM_EDDSA. A token draws the nonce of
ES256 itself: a statement that is signed again is other bytes, and the log knows it by its statement hash.

python-pkcs11 is the optional extra `hsm`; it is imported when a token is used. Who only reads needs no token: the
public half stands in the file, and the session begins with the first signature.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hub.keyfiles import read_passphrase, read_private
from ledger.closed import closed
from ledger.encoding import b64u_decode, b64u_encode, parse_json
from ledger.errors import Malformed, Unavailable
from ledger.suites import P256_ORDER, PublicKey, load_public_key, verify

__all__ = ["Pkcs11Signer", "TokenKey", "TokenPlace"]

_MAX_BYTES: Final = 8_192
_KEY: Final = frozenset({"module", "token", "label", "pinFile", "alg", "x"})
_UNCOMPRESSED: Final = 0x04
_P256: Final = "secp256r1"
_ED25519: Final = "1.3.101.112"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlace:
    """Where a key lies. module: the token's PKCS#11 library. token, label: names of token and key. pin_file: 0600."""

    module: Path
    token: str
    label: str
    pin_file: Path

    def labelled(self, label: str) -> TokenPlace:
        """Give the place with this label, if it has none."""
        return self if self.label else replace(self, label=label)


class TokenKey:
    """A signer behind `Signer` whose private key lies in a token: its file in the key folder."""

    def __init__(self, place: TokenPlace, public_key: PublicKey) -> None:
        self._place: Final = place
        self._public_key: Final = public_key
        self._signer: Pkcs11Signer | None = None
        self._lock: Final = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> TokenKey:
        """Read the file. Raises Malformed bad_file (others can read it, form), unknown_alg, weak_key."""
        document = parse_json(read_private(path, max_bytes=_MAX_BYTES), max_bytes=_MAX_BYTES)
        obj = closed(document, path.name, _KEY, frozenset({"y"}), code="bad_file")
        if not all(isinstance(value, str) for value in obj.values()):
            raise Malformed("bad_file", f"{path.name} holds what is no text")
        texts = {name: str(value) for name, value in obj.items()}
        place = TokenPlace(
            module=Path(texts["module"]), token=texts["token"], label=texts["label"], pin_file=Path(texts["pinFile"])
        )
        x, y = (b64u_decode(texts[name], size=32) if name in texts else None for name in ("x", "y"))
        return cls(place, load_public_key(texts["alg"], x or b"", y))

    @classmethod
    def make(cls, place: TokenPlace, alg: str) -> TokenKey:
        """Make a key pair in the token, or take the one of this label that is there.

        Raises Malformed bad_setting (no such module or library, wrong PIN, the token does not offer the suite),
        Unavailable not_ready.
        """
        return cls(place, Pkcs11Signer.make(place, alg).public_key)

    def text(self) -> bytes:
        """Write the file, indented for a person."""
        place, key = self._place, self._public_key
        row = {"module": str(place.module), "token": place.token, "label": place.label, "pinFile": str(place.pin_file)}
        y = {} if key.y is None else {"y": b64u_encode(key.y)}
        return json.dumps({**row, "alg": key.alg, "x": b64u_encode(key.x), **y}, indent=2).encode() + b"\n"

    @property
    def public_key(self) -> PublicKey:
        """The public half, as the file has it."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Sign in the token; 64 bytes. Raises Unavailable not_ready (token away), Malformed bad_setting, bad_file."""
        with self._lock:
            if self._signer is None:
                signer = Pkcs11Signer(self._place)
                if signer.public_key != self._public_key:
                    raise Malformed("bad_file", f"the token has another key under the label {self._place.label}")
                self._signer = signer
            try:
                return self._signer.sign(message)
            except Unavailable:
                self._signer = None  # a token that comes back gives a new session
                _forget_sessions()
                raise


class Pkcs11Signer:
    """One key pair of a token, over the process's session with it: one thread at a time."""

    def __init__(self, place: TokenPlace) -> None:
        """Log in and find the key. Raises Malformed bad_setting, Unavailable not_ready."""
        self._pkcs11: Final = _library()
        with self._stated():
            self._session: Final = _session(self._pkcs11, place)
            self._private: Any = self._find(place.label, "PRIVATE_KEY")
            self.public_key: Final = _public_key(self._pkcs11, self._find(place.label, "PUBLIC_KEY"))

    @classmethod
    def make(cls, place: TokenPlace, alg: str) -> Pkcs11Signer:
        """Make a key pair of the suite under the label unless there is one. Raises as TokenKey.make."""
        pkcs11 = _library()
        with _stated(pkcs11), _session(pkcs11, place).writing() as session:
            wanted = {pkcs11.Attribute.LABEL: place.label, pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
            if not list(session.get_objects(wanted)):
                _generate(pkcs11, session, place.label, alg)
        signer = cls(place)
        if signer.public_key.alg != alg:
            raise Malformed("bad_setting", f"the token's key {place.label} is of suite {signer.public_key.alg}")
        verify(signer.public_key, b"tongban", signer.sign(b"tongban"))  # the pair belongs together, and it may sign
        return signer

    def sign(self, message: bytes) -> bytes:
        """Sign the message (not its digest); 64 bytes, ES256 with s <= n/2. Raises Unavailable not_ready."""
        mechanism = self._pkcs11.Mechanism
        with self._stated(), self._session.lock:
            if self.public_key.alg == "Ed25519":
                return bytes(self._private.sign(message, mechanism=mechanism.EDDSA))
            digest = hashlib.sha256(message).digest()
            signature = bytes(self._private.sign(digest, mechanism=mechanism.ECDSA))
        return _low_s(signature)

    def _find(self, label: str, kind: str) -> Any:
        with self._session.lock:
            return self._session.reads.get_key(object_class=getattr(self._pkcs11.ObjectClass, kind), label=label)

    def _stated(self) -> Any:
        return _stated(self._pkcs11)


def _library() -> Any:
    try:
        import pkcs11  # noqa: PLC0415  # an extra: only who has a token needs it
        import pkcs11.util.ec  # noqa: PLC0415
    except ImportError as error:
        raise Malformed("bad_setting", "a key in a token needs the extra `hsm`: pip install 'tongban[hsm]'") from error
    return pkcs11


@contextmanager
def _stated(pkcs11: Any) -> Iterator[None]:
    """Say what a token's fault means for the caller; no PIN is part of a message."""
    errors = pkcs11.exceptions
    wrong = (errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange, errors.PinLocked, errors.PinExpired)
    try:
        yield
    except wrong as error:
        raise Malformed("bad_setting", f"the token does not take the PIN: {type(error).__name__}") from error
    except (errors.NoSuchKey, errors.MultipleObjectsReturned) as error:
        raise Malformed("bad_setting", "the token has no key of this label, or several") from error
    except (errors.NoSuchToken, errors.MultipleTokensReturned) as error:
        raise Unavailable("not_ready", "there is no token of this name, or several") from error
    except errors.MechanismInvalid as error:
        raise Malformed("bad_setting", "the token does not offer this suite") from error
    except errors.PKCS11Error as error:
        raise Unavailable("not_ready", f"the token does not answer: {type(error).__name__}") from error


class _Session:
    """The process's session with a token. A login is the process's: one that closed would log out every other."""

    def __init__(self, pkcs11: Any, token: Any, pin: str) -> None:
        self._token: Final = token
        self.lock: Final = threading.RLock()
        try:
            self.reads: Any = token.open(user_pin=pin)
        except pkcs11.exceptions.UserAlreadyLoggedIn:  # by a session that broke
            self.reads = token.open()

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Open a session that may write, under the same login."""
        with self.lock:
            session = self._token.open(rw=True)
            try:
                yield session
            finally:
                session.close()


_sessions: Final[dict[tuple[Path, str], _Session]] = {}
_sessions_lock: Final = threading.Lock()


def _session(pkcs11: Any, place: TokenPlace) -> _Session:
    """Give the process's session with a token, opened when it is asked for first."""
    with _sessions_lock:
        found = _sessions.get((place.module, place.token))
        if found is None:
            try:
                library = pkcs11.lib(str(place.module))
            except (pkcs11.exceptions.PKCS11Error, RuntimeError, OSError) as error:
                raise Malformed("bad_setting", f"{place.module.name} is no PKCS#11 library to be loaded") from error
            pin = read_passphrase(place.pin_file).decode("utf-8", "surrogateescape")
            found = _Session(pkcs11, library.get_token(token_label=place.token), pin)
            _sessions[(place.module, place.token)] = found
        return found


def _forget_sessions() -> None:
    with _sessions_lock:
        _sessions.clear()


def _generate(pkcs11: Any, session: Any, label: str, alg: str) -> None:
    edwards = alg == "Ed25519"
    if alg not in {"Ed25519", "ES256"}:
        raise Malformed("unknown_alg", "a token's seal key is of suite ES256 or Ed25519")
    kind = pkcs11.KeyType.EC_EDWARDS if edwards else pkcs11.KeyType.EC
    curve = pkcs11.util.ec.encode_named_curve_parameters(_ED25519 if edwards else _P256)
    parameters = session.create_domain_parameters(kind, {pkcs11.Attribute.EC_PARAMS: curve}, local=True)
    lasting = {pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}
    options: dict[str, Any] = {"store": True, "label": label, "private_template": lasting}
    if edwards:
        options["mechanism"] = pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN
    parameters.generate_keypair(**options)


def _public_key(pkcs11: Any, key: Any) -> PublicKey:
    point = bytes(key[pkcs11.Attribute.EC_POINT])
    point = point[2:] if point[:1] == b"\x04" and len(point) in {34, 67} else point  # DER OCTET STRING around it
    if len(point) == 32:
        return load_public_key("Ed25519", point)
    if len(point) != 65 or point[0] != _UNCOMPRESSED:
        raise Malformed("unknown_alg", "the token's key is neither on P-256 nor Ed25519")
    return load_public_key("ES256", point[1:33], point[33:])


def _low_s(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + min(s, P256_ORDER - s).to_bytes(32, "big")
