"""Chains from a certificate to a root that the verifier was given: RFC 5280, 6.1, without policies.

    store = TrustStore(roots=read_certificates(pem), revocations=read_revocations(crl))
    chain = store.check(certificate, at=time, proven=None)       # signer first, root last

Every certificate of the chain, the root too, is good at that one time; every issuer is a CA that may sign certificates,
with no more CAs below it than its path length says; nobody's certificate is void by the lists. A certificate of whose
issuer there is no list, or none as new as the signature, is passed and noted: absence of a list proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from ledger.errors import NotVerified
from ledger.eseal.certificates import Certificate
from ledger.eseal.revocation import RevocationList

__all__ = ["MAX_CHAIN", "Chain", "TrustStore"]

MAX_CHAIN: Final = 6
"""Certificates in one chain."""

_MAX_PATHS: Final = 16
_SIGNING: Final = frozenset({"digital_signature", "non_repudiation"})
Path: TypeAlias = tuple[Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A chain that holds. path: signer first, root last. unlisted: those whose revocation is not known.

    revoked_since: those that were revoked after the time at which they had to be good, and nobody proves that time.
    """

    path: Path
    unlisted: Path
    revoked_since: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustStore:
    """What a verifier trusts. intermediates only help to find a way to a root. revocations: as new as can be had."""

    roots: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...] = ()
    revocations: tuple[RevocationList, ...] = ()

    @classmethod
    def of(cls, certificates: Sequence[Certificate], revocations: Sequence[RevocationList] = ()) -> TrustStore:
        """Take the certificates of one file as OpenSSL does: the self-signed ones are roots, the others help."""
        roots = tuple(each for each in certificates if each.self_issued and each.is_signed_by(each))
        others = tuple(each for each in certificates if each not in roots)
        return cls(roots=roots, intermediates=others, revocations=tuple(revocations))

    def check(self, certificate: Certificate, *, at: int, proven: int | None) -> Chain:
        """Find a chain for a signer's certificate that is good at `at`, POSIX seconds; proven: see `Revoked.voids`.

        Raises NotVerified certificate_use (a CA, or not for signatures), bad_chain (no way to a root), and what is
        wrong with the first way that there is: certificate_expired, certificate_use, certificate_revoked,
        bad_signature.
        """
        if certificate.is_ca or not (certificate.uses or frozenset()) & _SIGNING:
            raise NotVerified("certificate_use", "the certificate is a CA's, or its key usage is not signing")
        first: NotVerified | None = None
        for number, path in enumerate(self._paths((certificate,))):
            try:
                return self._checked(path, at, proven)
            except NotVerified as error:
                first = first or error
            if number + 1 == _MAX_PATHS:
                break
        raise first or NotVerified("bad_chain", f"no way from {certificate.issuer} to a root that was given")

    def _paths(self, path: Path) -> Iterator[Path]:
        """Give every way to a root, the shortest from each place first."""
        last = path[-1]
        if len(path) < MAX_CHAIN:
            for root in self.roots:
                if _may_issue(root, last) and last.is_signed_by(root):
                    yield (*path, root)
            for issuer in self.intermediates:
                if issuer not in path and _may_issue(issuer, last) and last.is_signed_by(issuer):
                    yield from self._paths((*path, issuer))

    def _checked(self, path: Path, at: int, proven: int | None) -> Chain:
        for certificate in path:
            if not certificate.not_before <= at <= certificate.not_after:
                raise NotVerified("certificate_expired", f"{certificate.subject} was not valid at that time")
        for below, issuer in enumerate(path[1:]):
            _check_issuer(issuer, sum(not each.self_issued for each in path[1 : below + 1]))
        found = {each: self._listed(each, issuer, at, proven) for each, issuer in pairwise(path)}
        unlisted = tuple(each for each, (known, _) in found.items() if not known)
        return Chain(
            path=path, unlisted=unlisted, revoked_since=tuple(each for each, (_, ended) in found.items() if ended)
        )

    def _listed(self, certificate: Certificate, issuer: Certificate, at: int, proven: int | None) -> tuple[bool, bool]:
        """Tell whether a list as new as the signature speaks of the certificate, and whether it may be late."""
        known = ended = False
        for listed in self.revocations:
            if listed.issuer_der != issuer.subject_der:
                continue
            listed.check(issuer)
            revoked = listed.revoked.get(certificate.serial)
            if revoked is not None and revoked.voids(at, proven):
                raise NotVerified("certificate_revoked", f"{certificate.subject} was revoked: {revoked.reason}")
            known = known or listed.this_update >= at
            ended = ended or (revoked is not None and not (proven is not None and proven < revoked.date))
        return known, ended


def _may_issue(issuer: Certificate, certificate: Certificate) -> bool:
    if issuer.subject_der != certificate.issuer_der:
        return False
    return None in (issuer.subject_key, certificate.authority_key) or issuer.subject_key == certificate.authority_key


def _check_issuer(issuer: Certificate, below: int) -> None:
    """below: CAs between this one and the signer, those that issued themselves a new certificate not counted."""
    if not issuer.is_ca or (issuer.uses is not None and "key_cert_sign" not in issuer.uses):
        raise NotVerified("certificate_use", f"{issuer.subject} may not issue certificates")
    if issuer.path_length is not None and below > issuer.path_length:
        raise NotVerified("certificate_use", f"{issuer.subject} may have {issuer.path_length} CAs below it")
