"""`tongban seal`, second half: what a seal file says, and whether it holds. No network call."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from hub.commands.terms import MARK, duration, instant, named, shown
from hub.commands.verify import check_files, evidence_in, pinned_verifier, read_bounded
from hub.eseals import FileDocument, open_certificate, open_store
from ledger.encoding import JsonValue
from ledger.errors import Malformed
from ledger.eseal.inspection import inspect_eseal
from ledger.eseal.structures import MAX_ESEAL_BYTES
from ledger.eseal.verdict import ESealVerdict
from ledger.eseal.verification import Attestation, verify_eseal, verify_seal, verify_with_attestation
from ledger.receipt import MAX_RECEIPT_BYTES, parse_receipt
from ledger.sm2 import sm3
from ledger.verdict import Outcome, Verdict

__all__ = ["inspect", "verify"]

_MAX_AGE: Final = "24h"


def inspect(
    file: Annotated[Path, typer.Argument(help="seal, or seal signature, as DER")],
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Say everything that a seal file says: version, seal, certificates, times. Nothing is verified.

    Example: tongban seal inspect license.eseal
    """
    described = inspect_eseal(read_bounded(file, MAX_ESEAL_BYTES))
    if json:
        typer.echo(orjson.dumps(described, option=orjson.OPT_INDENT_2).decode())
        return
    for line in _lines(described):
        typer.echo(shown(line))


def verify(
    file: Annotated[Path, typer.Argument(help="seal signature, as DER")],
    roots: Annotated[list[Path], typer.Option(help="PEM file of roots that are trusted; can be given again")],
    document: Annotated[Path | None, typer.Option(help="license file under the seal, PDF or OFD")] = None,
    crl: Annotated[list[Path] | None, typer.Option(help="list of revocation; can be given again")] = None,
    license_id: Annotated[str | None, typer.Option("--license", help="certificateIdentifier to expect")] = None,
    receipt: Annotated[Path | None, typer.Option(help="receipt of the same license: both must verify")] = None,
    policy: Annotated[Path | None, typer.Option(help="with --receipt: policy file")] = None,
    genesis: Annotated[Path | None, typer.Option(help="with --receipt: genesis file")] = None,
    authority: Annotated[
        list[str] | None, typer.Option(help="USCC that the county registered; can be given again")
    ] = None,
    registered: Annotated[
        list[str] | None, typer.Option(help="USCC=FILE: a certificate that names no USCC; can be given again")
    ] = None,
    max_age: Annotated[
        str | None, typer.Option(help="with --receipt: greatest age of its checkpoint; default: 24h")
    ] = None,
    bare: Annotated[
        bool, typer.Option("--bare", help="the file is a seal on no document, as a maker gives it")
    ] = False,
    at: Annotated[str | None, typer.Option(help="judge at this time (RFC 3339), for archives; default: now")] = None,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Check an e-seal offline, step by step; with a receipt, that both are of one county and one license.

    Exit code 0 if all is VALID, 1 for any other verdict (a file that cannot be read included), 2 for wrong usage (a
    file that is not there included).

    Example: tongban seal verify license.eseal --document license.pdf --roots ca/root.pem
    """
    _check_usage(
        bare=bare,
        sealed=[document],
        ledger=[receipt, policy, genesis],
        told=[authority, registered, max_age, license_id if bare else None],
    )
    check_files([path for path in (file, document, receipt) if path is not None], json=json)
    now = int(time.time()) if at is None else instant(at)
    trust, under = open_store(roots, crl or ()), None if document is None else FileDocument(document)
    data, beside = evidence_in(file, MAX_ESEAL_BYTES), None
    if receipt is not None and policy is not None and genesis is not None:
        evidence = evidence_in(receipt, MAX_RECEIPT_BYTES)
        beside = pinned_verifier(policy, genesis).verify(evidence, now=now, max_age=duration(max_age or _MAX_AGE))
        attestation = _attestation(evidence, beside, authority or (), registered or ())
        verdict = verify_with_attestation(
            data, under, trust=trust, now=now, attestation=attestation, license_id=license_id
        )
    elif under is not None:
        verdict = verify_eseal(data, under, trust=trust, now=now, license_id=license_id)
    else:
        verdict = verify_seal(data, trust=trust, now=now)
    _say(verdict, beside, json=json)
    if {verdict.outcome, Outcome.VALID if beside is None else beside.outcome} != {Outcome.VALID}:
        raise typer.Exit(1)


def _check_usage(
    *, bare: bool, sealed: Sequence[Path | None], ledger: Sequence[Path | None], told: Sequence[Sequence[str] | None]
) -> None:
    on_document, with_receipt = any(sealed), all(ledger)
    if bare and not (on_document or any(ledger) or any(told)):
        return
    if any(told) and not bare and not any(ledger):
        message = "--authority, --registered and --max-age go with --receipt, --policy and --genesis"
        raise Malformed("bad_setting", message)
    if bare or any(ledger) != with_receipt or not (on_document or with_receipt) or (any(told) and not with_receipt):
        message = "give --document, --receipt with --policy and --genesis, all of these, or --bare alone"
        raise Malformed("bad_setting", message)


def _attestation(
    receipt: bytes, verdict: Verdict, authorities: Sequence[str], registered: Sequence[str]
) -> Attestation:
    """Take what the receipt proves: nothing, where it is FORGED."""
    return Attestation(
        entry=parse_receipt(receipt).entry if verdict.claims else b"",
        claims=verdict.claims,
        authorities=frozenset(authorities),
        registered=_registered(registered),
    )


def _registered(texts: Sequence[str]) -> dict[str, str]:
    """Read which USCC each certificate is registered for, by its SM3; none is for two."""
    holders: dict[str, str] = {}
    for uscc, file in named("--registered", "USCC=FILE", texts):
        digest = sm3(open_certificate(Path(file)).der).hex()
        if holders.setdefault(digest, uscc) != uscc:
            raise Malformed("bad_setting", f"--registered names one certificate for {holders[digest]} and {uscc}")
    return holders


def _say(verdict: ESealVerdict, receipt: Verdict | None, *, json: bool) -> None:
    if json:
        members = {"eseal": verdict.to_json(), "receipt": None if receipt is None else receipt.to_json()}
        typer.echo(orjson.dumps(members, option=orjson.OPT_INDENT_2).decode())
        return
    typer.echo(_summary("e-seal", verdict))
    if receipt is not None:
        typer.echo(_summary("receipt", receipt))
    for note in verdict.notes:
        typer.echo(f"note: {note}")
    for step in verdict.steps:
        typer.echo(shown(f"{step.number:3}  {MARK[step.state]}  {step.name:14}{step.detail}".rstrip()))


def _summary(what: str, verdict: ESealVerdict | Verdict) -> str:
    reason = "" if verdict.outcome is Outcome.VALID else f" · {verdict.code}"
    return shown(f"{what} {verdict.outcome.value} {verdict.clerk}{reason}: {verdict.message}")


def _lines(value: dict[str, JsonValue], indent: str = "") -> Iterator[str]:
    """Write members as indented lines; of lists, one member after the other under its number."""
    for name, member in value.items():
        held = {str(place): each for place, each in enumerate(member, 1)} if isinstance(member, list) else member
        if isinstance(held, dict):
            yield f"{indent}{name}" + ("" if held else ": none")
            yield from _lines(held, indent + "  ")
        else:
            yield f"{indent}{name}: {'none' if held is None else held}"
