"""The error tree, by what the caller can do, and every stable code.

    TongbanError
    ├── Malformed     reject: the input is not what the format allows      HTTP 400 (`too_large` 413, `too_slow` 408)
    ├── NotVerified   distrust: well-formed, but a proof or signature fails          HTTP 422 (`bad_token` 401)
    ├── Conflict      read again: valid, but not against the present state           HTTP 409
    ├── Refused       ask for the right: the caller may not do or see this   HTTP 403 (401 without a good token)
    └── Unavailable   retry: a part that is needed does not answer now     HTTP 503 with Retry-After

A code is a public token: the same in GraphQL, HTTP, command line, logs and metrics. It never changes its meaning.
A message says what was expected and what came; it holds no secret and no personal data.
"""

from __future__ import annotations

from typing import ClassVar, Final

__all__ = ["CODES", "Conflict", "Malformed", "NotVerified", "Refused", "TongbanError", "Unavailable"]

_STATUS_OF_CODE: Final = {
    "bad_token": 401,
    "invalid_client": 401,
    "invalid_token": 401,
    "token_required": 401,
    "too_many_asked": 429,
    "too_many_misses": 429,
    "too_many_requests": 429,
    "too_large": 413,
    "too_slow": 408,
}


class TongbanError(Exception):
    """Base of all expected failures; never raised itself.

    code: one of the class's codes, stable. message: one sentence for a person. index: the log index
    at fault, if one is. retry_after: after so many seconds the same may be asked again, where that is known.
    """

    codes: ClassVar[frozenset[str]] = frozenset()
    class_status: ClassVar[int]

    def __init__(self, code: str, message: str, *, index: int | None = None, retry_after: int | None = None) -> None:
        if code not in self.codes:
            msg = f"{code!r} is no code of {type(self).__name__}"
            raise ValueError(msg)
        super().__init__(message)
        self.code: Final = code
        self.message: Final = message
        self.index: Final = index
        self.retry_after: Final = retry_after

    @property
    def http_status(self) -> int:
        """The HTTP status that goes with the code: that of its class, but for the few that HTTP has an own one for."""
        return _STATUS_OF_CODE.get(self.code, self.class_status)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        """Let the error come back from a worker process whole."""
        return _again, (type(self), self.code, self.message, self.index, self.retry_after)


def _again(
    kind: type[TongbanError], code: str, message: str, index: int | None, retry_after: int | None
) -> TongbanError:
    return kind(code, message, index=index, retry_after=retry_after)


class Malformed(TongbanError):
    """Reject: the input breaks its format, whatever the state of the ledger."""

    class_status = 400
    codes = frozenset(
        {
            "too_large", "too_slow", "bad_encoding", "bad_base64", "bad_json", "duplicate_member", "unknown_member",
            "bad_number", "unknown_typ", "unknown_alg", "bad_header", "bad_payload", "es256_high_s", "weak_key",
            "bad_note", "bad_vkey", "bad_checkpoint", "bad_proof_form", "bad_policy", "bad_tile_path", "bad_identifier",
            "bad_read_after", "bad_receipt", "bad_disclosure_form", "bad_cursor", "bad_document", "bad_variables",
            "bad_request", "limit_exceeded", "bad_row", "bad_setting", "bad_file", "bad_base45", "bad_qr",
            "bad_bundle", "bad_certificate", "bad_eseal", "eseal_version",
        }
    )  # fmt: skip


class NotVerified(TongbanError):
    """Distrust: well-formed, but a signature, proof or binding does not hold."""

    class_status = 422
    codes = frozenset(
        {
            "bad_signature", "unknown_kid", "key_not_active", "key_use", "bad_inclusion", "bad_consistency", "bad_head",
            "bad_status_proof", "bad_disclosure", "holder_binding", "no_quorum", "not_enough_signers", "bad_token",
            "bundle_damaged", "corrupt_store", "keys_behind", "deposit_left_out",
            "duplicate_statement", "unexpected", "no_inclusion", "unknown_landmark",
            "bad_chain", "breaking_change", "certificate_expired", "certificate_revoked", "certificate_use",
            "eseal_county", "eseal_digest", "eseal_license", "eseal_not_listed", "eseal_period", "eseal_unbound",
            "eseal_z_digest",
        }
    )  # fmt: skip


class Conflict(TongbanError):
    """Read again: valid in itself, but not against the present state."""

    class_status = 409
    codes = frozenset(
        {
            "final_status", "same_status", "stale_prev", "wrong_target", "iat_too_old", "iat_in_future", "kid_used",
            "store_moved", "duplicate_identifier", "already_exists", "log_changed", "illegal_step", "not_listed",
            "already_listed", "bundle_missing", "case_open", "items_differ", "not_member", "not_offered", "not_red",
            "not_valid", "past_day", "stale_version",
        }
    )  # fmt: skip


class Refused(TongbanError):
    """Ask for the right: the caller may not do this, or may not see whether it exists."""

    class_status = 403
    codes = frozenset(
        {
            "basis_ended",
            "basis_required",
            "not_issuer",
            "members_only",
            "no_basis",
            "not_consented",
            "not_party",
            "forbidden",
            "token_required",
            "invalid_client",
            "invalid_token",
            "too_many_asked",
            "too_many_misses",
            "too_many_requests",
            "untrusted_document",
            "use_cause",
        }
    )


class Unavailable(TongbanError):
    """Retry: a part that is needed does not answer now, or is full."""

    class_status = 503
    codes = frozenset(
        {
            "pushback", "unwitnessed_backlog", "store_stopped", "no_log", "graph_unavailable", "source_unavailable",
            "deadline", "not_projected", "not_ready",
        }
    )  # fmt: skip


CODES: Final[dict[str, type[TongbanError]]] = {
    code: kind for kind in (Malformed, NotVerified, Conflict, Refused, Unavailable) for code in sorted(kind.codes)
}
