"""SM2 by the system's OpenSSL 3, through ctypes: a second implementation to hold ours against.

Keys come and go as DER, signatures as DER; the ID is always an argument.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

__all__ = ["AVAILABLE", "sign", "verify"]

_SPKI: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
_EC_KEY: Final = bytes.fromhex("30770201010420"), bytes.fromhex("a00a06082a811ccf5501822da14403420004")
_NAME: Final = ctypes.util.find_library("crypto")
_LIB: Final[Any] = ctypes.CDLL(_NAME) if _NAME else None
AVAILABLE: Final = _LIB is not None and hasattr(_LIB, "EVP_PKEY_CTX_set1_id")

if AVAILABLE:
    for name in ("d2i_PUBKEY", "d2i_AutoPrivateKey", "EVP_MD_CTX_new", "EVP_PKEY_CTX_new", "EVP_sm3"):
        getattr(_LIB, name).restype = ctypes.c_void_p


@contextmanager
def _context(loader: str, der: bytes, signer_id: bytes) -> Iterator[tuple[Any, Any]]:
    """Give a digest context that knows the ID, and the key."""
    with ExitStack() as stack:

        def own(pointer: int | None, free: str) -> Any:
            assert pointer, "libcrypto refused"
            stack.callback(getattr(_LIB, free), ctypes.c_void_p(pointer))
            return ctypes.c_void_p(pointer)

        start = ctypes.c_char_p(der)
        key = own(getattr(_LIB, loader)(None, ctypes.byref(start), ctypes.c_long(len(der))), "EVP_PKEY_free")
        parameters = own(_LIB.EVP_PKEY_CTX_new(key, None), "EVP_PKEY_CTX_free")
        context = own(_LIB.EVP_MD_CTX_new(), "EVP_MD_CTX_free")
        assert _LIB.EVP_PKEY_CTX_set1_id(parameters, signer_id, len(signer_id)) == 1
        _LIB.EVP_MD_CTX_set_pkey_ctx(context, parameters)
        yield context, key


def sign(scalar: bytes, x: bytes, y: bytes, message: bytes, signer_id: bytes) -> bytes:
    """Sign a message: DER."""
    with _context("d2i_AutoPrivateKey", _EC_KEY[0] + scalar + _EC_KEY[1] + x + y, signer_id) as (context, key):
        assert _LIB.EVP_DigestSignInit(context, None, ctypes.c_void_p(_LIB.EVP_sm3()), None, key) == 1
        size, blob = ctypes.c_size_t(80), ctypes.create_string_buffer(80)
        assert _LIB.EVP_DigestSign(context, blob, ctypes.byref(size), message, ctypes.c_size_t(len(message))) == 1
        return blob.raw[: size.value]


def verify(x: bytes, y: bytes, message: bytes, der: bytes, signer_id: bytes) -> bool:
    """Check a DER signature."""
    with _context("d2i_PUBKEY", _SPKI + x + y, signer_id) as (context, key):
        assert _LIB.EVP_DigestVerifyInit(context, None, ctypes.c_void_p(_LIB.EVP_sm3()), None, key) == 1
        sizes = ctypes.c_size_t(len(der)), ctypes.c_size_t(len(message))
        return bool(_LIB.EVP_DigestVerify(context, der, sizes[0], message, sizes[1]) == 1)
