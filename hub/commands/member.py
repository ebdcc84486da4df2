"""`tongban ledger member` and `tongban ledger rule`: propose, sign, submit. Who may is decided by signatures alone."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.commands.folder import PassphraseFile, opened_node
from hub.commands.output import Force, check_new, new_file
from hub.commands.terms import named, named_once, utc
from hub.commands.verify import parsed, read_bounded
from hub.county.member import KeyFile, MemberFile
from hub.governance.changes import described
from hub.governance.drafts import Draft, MemberWishes, checked, draft_members, draft_rules
from hub.governance.governing import SignatureFile, index_of, joined, sign_draft, submitted
from hub.keychain import KeyChain
from hub.keyfiles import write_private
from hub.trustfolder import TrustFolder
from ledger.closed import KID
from ledger.entries import MEMBER_TYP, RULE_TYP
from ledger.errors import Malformed, Refused
from ledger.governance import ROLES
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy

__all__ = ["Offline", "Trust", "Url", "members", "newest_chain", "now_s", "rules", "write_proposal"]

members = typer.Typer(help="Change members, their keys and cosigners: k of n members sign.", no_args_is_help=True)
rules = typer.Typer(help="Change rules, documents and supervisors: k of n members sign.", no_args_is_help=True)

_FILE_BYTES = 65_536
_NONE = "none"
_GROUPS = {MEMBER_TYP: "member", RULE_TYP: "rule"}

Trust = Annotated[Path, typer.Option(help="folder with policy and genesis: of a county, a hub or a sync")]
Url = Annotated[str | None, typer.Option(help="URL of the ledger; default: what the folder says")]
Offline = Annotated[bool, typer.Option("--offline", help="go by the folder's keys.json, which may be behind")]
DraftFile = Annotated[Path, typer.Argument(help="draft that `propose` wrote")]


@members.command("propose")
def propose_members(
    data: Trust,
    output: Annotated[Path, typer.Option(help="draft to write")],
    add_key: Annotated[list[Path] | None, typer.Option(help="key file (`tongban county rotate`); repeat")] = None,
    revoke: Annotated[list[str] | None, typer.Option(help="kid that ends; repeat")] = None,
    void_from: Annotated[
        int | None, typer.Option(min=0, help="seals by these kids from this log index on fall")
    ] = None,
    join: Annotated[list[Path] | None, typer.Option(help="member file of a county that joins; repeat")] = None,
    leave: Annotated[list[str] | None, typer.Option(help="county that leaves; repeat")] = None,
    witness: Annotated[list[str] | None, typer.Option(help="COUNTY=VKEY or COUNTY=none; repeat")] = None,
    auditor: Annotated[list[str] | None, typer.Option(help="COUNTY=VKEY or COUNTY=none; repeat")] = None,
    k: Annotated[int | None, typer.Option(min=1, help="how many members sign from then on")] = None,
    url: Url = None,
    offline: Offline = False,
    force: Force = False,
) -> None:
    """Draft a change of members or keys against the newest key state, and say what it does.

    After a theft: `--revoke 370214#2 --void-from 812` ends the key, and every seal by it from log index 812 on becomes
    REVOKED; earlier ones stand.

    Example: tongban ledger member propose --data c370214 --add-key c370214/seal-5.json --revoke 370214#2
    --output change.draft
    """
    if not all(KID.fullmatch(kid) for kid in revoke or ()):
        raise Malformed("bad_setting", "--revoke takes a kid like 370214#2")
    cosigners = {
        key: vkey for role, each in zip(ROLES, (auditor, witness), strict=True) for key, vkey in _cosigners(role, each)
    }
    wishes = MemberWishes(
        add=[parsed(path, _FILE_BYTES, KeyFile.parse) for path in add_key or ()],
        revoke=revoke or (),
        void_from=void_from,
        join=[parsed(path, _FILE_BYTES, MemberFile.parse) for path in join or ()],
        leave=leave or (),
        cosigners=cosigners,
        k=k,
    )
    chain = newest_chain(data, url, offline=offline)
    write_proposal(draft_members(chain.state, wishes, iat=now_s()), chain, output, force=force)


def _cosigners(role: str, texts: Sequence[str] | None) -> list[tuple[tuple[str, str], str | None]]:
    vkeys = named_once(f"--{role}", "COUNTY=VKEY or COUNTY=none", texts)
    return [((county, role), None if vkey == _NONE else vkey) for county, vkey in vkeys.items()]


@rules.command("propose")
def propose_rules(
    data: Trust,
    output: Annotated[Path, typer.Option(help="draft to write")],
    set_rule: Annotated[list[str] | None, typer.Option("--set", help="NAME=SECONDS, as deposit_s=300; repeat")] = None,
    policy: Annotated[Path | None, typer.Option(help="policy file that shall be in force")] = None,
    supervisor: Annotated[
        list[str] | None, typer.Option(help="COUNTY=SUPERVISOR: replaces the county's list; repeat; COUNTY=none")
    ] = None,
    url: Url = None,
    offline: Offline = False,
    force: Force = False,
) -> None:
    """Draft a change of rules, of the policy or of supervisors against the newest key state, and say what it does.

    Example: tongban ledger rule propose --data c370214 --set deposit_s=600 --supervisor 370214=320583
    --output change.draft
    """
    seconds, supervisors = named_once("--set", "NAME=SECONDS", set_rule), _supervisors(supervisor)
    chain = newest_chain(data, url, offline=offline)
    draft = draft_rules(
        chain.state,
        iat=now_s(),
        rules={name: _seconds(value) for name, value in seconds.items()},
        documents={} if policy is None else {"policy": _policy_digest(policy)},
        supervisors=supervisors,
    )
    write_proposal(draft, chain, output, force=force)


def _supervisors(texts: Sequence[str] | None) -> Mapping[str, Sequence[str]]:
    """Read each county's list; `none` is the empty one, and stands alone."""
    lists: dict[str, list[str]] = {}
    for county, name in named("--supervisor", "COUNTY=SUPERVISOR or COUNTY=none", texts):
        lists.setdefault(county, []).append(name)
    for county, names in lists.items():
        if _NONE in names and len(names) > 1:
            raise Malformed("bad_setting", f"--supervisor names others beside {county}={_NONE}")
    return {county: [] if _NONE in names else names for county, names in lists.items()}


def _seconds(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise Malformed("bad_number", "a rule's value is a number of seconds")
    return int(value)


def _policy_digest(path: Path) -> bytes:
    data = read_bounded(path, MAX_POLICY_BYTES)
    if Policy.parse(data).shared == 0:
        typer.echo("warning: this policy has two disjoint quorums", err=True)
    return hashlib.sha256(data).digest()


def now_s() -> int:
    """Give the time, POSIX seconds."""
    return int(time.time())


def newest_chain(data: Path, url: str | None, *, offline: bool) -> KeyChain:
    """Give the newest chain of member and rule entries: the log's, checked, or the folder's.

    Raises Malformed bad_setting (URL and offline), and what folder and log raise.
    """
    if offline and url is not None:
        raise Malformed("bad_setting", "give --url or --offline, one of the two")
    folder = TrustFolder(data, url=url)
    return folder.held.chain() if offline else folder.newest(now_s)


def write_proposal(draft: Draft, chain: KeyChain, output: Path, *, force: bool) -> None:
    """Check a draft, say what it does, and write it. Raises Malformed bad_setting (nothing changes), as `checked`."""
    if checked(draft, chain, now_s()).text() == chain.state.text():
        raise Malformed("bad_setting", "nothing to change: the ledger says all of this already")
    _tell(draft, chain)
    with new_file(output, force=force) as place:
        write_private(place, draft.text())
    typer.echo(f"wrote {output}; {chain.state.k} of {len(chain.state.counties)} members sign it")


def _tell(draft: Draft, chain: KeyChain) -> None:
    """Say what a draft does, when it may be sent, and by which state of the ledger that is judged."""
    after = checked(draft, chain, now_s())
    for line in described(chain.state, after, draft.change):
        typer.echo(line)
    seen = "by this folder's keys.json" if chain.time is None else f"as witnessed at {utc(chain.time)}"
    until = utc(draft.change.iat + chain.state.rule("iat_back_s"))
    typer.echo(f"made for the key state of log size {chain.size}, {seen}; to be submitted before {until}")


def _draft_in(path: Path, context: typer.Context) -> Draft:
    """Read a draft of the group's own kind, member or rule: nobody signs a change of members as one of rules."""
    draft = parsed(path, _FILE_BYTES, Draft.parse)
    kind = _GROUPS[draft.typ]
    if context.parent is None or context.parent.info_name != kind:
        command = f"tongban ledger {kind} {context.info_name}"
        raise Malformed("bad_file", f"{path} is the draft of a {kind} entry: `{command}`")
    return draft


def sign(
    context: typer.Context,
    draft: DraftFile,
    data: Annotated[Path, typer.Option(help="folder of the county node")],
    passphrase_file: PassphraseFile,
    output: Annotated[Path, typer.Option(help="signature file to write")],
    url: Url = None,
    offline: Offline = False,
    yes: Annotated[bool, typer.Option("--yes", help="sign without asking once more")] = False,
    force: Force = False,
) -> None:
    """Read, then sign."""
    check_new(output, force=force)
    change = _draft_in(draft, context)
    chain = newest_chain(data, url, offline=offline)
    _tell(change, chain)
    with opened_node(data, passphrase_file) as node:
        if not yes and typer.prompt(f"type {node.county} to sign this", default="", show_default=False) != node.county:
            raise Refused("forbidden", "not confirmed: nothing was signed")
        signed = sign_draft(node, change, chain, now_s())
    with new_file(output, force=force) as place:
        write_private(place, signed.text())
    typer.echo(f"wrote {output}")


def submit(
    context: typer.Context,
    draft: DraftFile,
    data: Trust,
    signature: Annotated[list[Path] | None, typer.Option(help="signature file of a member; repeat for each")] = None,
    url: Url = None,
    proof: Annotated[Path | None, typer.Option(help="file for the proof (tlog-proof) that it is in the log")] = None,
    force: Force = False,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Join, submit, check."""
    if force and proof is None:
        raise Malformed("bad_setting", "--force is for a file: give --proof, too")
    check_new(proof, force=force)
    change, folder = _draft_in(draft, context), TrustFolder(data, url=url)
    chain = folder.newest(now_s)
    index = index_of(change, chain)
    if index is None or proof is not None:
        raw = _joined(change, signature or (), chain) if index is None else dict(chain.entries)[index]
        done = folder.ask(lambda log: submitted(log, folder.anchor, raw, chain, clock=now_s))
        folder.keep(done.chain)
        index = done.index
        _write_proof(proof, done.proof, force=force)
    if json:
        typer.echo(orjson.dumps({"index": index}).decode())
    else:
        typer.echo(f"in the ledger at index {index}, witnessed; the key state is checked from genesis on")


def _joined(change: Draft, signatures: Sequence[Path], chain: KeyChain) -> bytes:
    checked(change, chain, now_s())
    return joined(change, [parsed(path, _FILE_BYTES, SignatureFile.parse) for path in signatures], chain)


def _write_proof(path: Path | None, proof: bytes, *, force: bool) -> None:
    if path is not None:
        with new_file(path, force=force) as place:
            place.write_bytes(proof)


_SIGN = """Sign a draft with the county's govern key, after showing what it does and asking.

It is refused when it is not well-formed, does not fit the newest key state (the ledger is asked, its answer verified),
or is too old.

Example: tongban ledger {group} sign change.draft --data c370214 --passphrase-file c370214.pass --output 370214.sig
"""
_SUBMIT = """Join the members' signatures, submit the change, wait for its witnessed proof, check it, print its index.

Fewer than k signatures: says how many are missing, and who can still sign. Sending it again changes nothing.

Example: tongban ledger {group} submit change.draft --signature 370214.sig --signature 320583.sig --data c370214
"""

for _group, _app in (("member", members), ("rule", rules)):
    _app.command("sign", help=_SIGN.format(group=_group))(sign)
    _app.command("submit", help=_SUBMIT.format(group=_group))(submit)
