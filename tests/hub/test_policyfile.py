"""Which policy file is in force: told by a hub at its start and at /readyz, and refused by a folder."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from hub.database import open_writer
from hub.governance.founding import open_hub_keys
from hub.policyfile import install_policy, policy_fault
from ledger.entries import RULE_TYP, MemberChange, parse_entry
from ledger.errors import Conflict, Malformed
from ledger.governance import rule_payload
from ledger.heads import EMPTY_JOURNAL_ROOT
from ledger.jws import sign_general
from ledger.members import KeyState
from ledger.transparency.candidate import examine
from ledger.transparency.sequencer import Sequencer
from ledger.transparency.sqlite import SqliteStore
from tests.hub_folder import PASSPHRASE, HubFolder, signers
from tests.made_hub import made_hub
from tests.small_log import GENESIS, POLICY

OTHER: Final = b"# of tomorrow\n" + POLICY


def state_naming(policy: bytes | None) -> KeyState:
    entry = parse_entry(GENESIS)
    assert isinstance(entry, MemberChange)
    state = KeyState.genesis(entry)
    named = {} if policy is None else {"policy": hashlib.sha256(policy).digest()}
    return KeyState(
        origin=state.origin, genesis_leaf=state.genesis_leaf, k=state.k, keys=state.keys, auditors=state.auditors,
        witnesses=state.witnesses, documents=named,
    )  # fmt: skip


def test_only_another_file_than_the_named_one_is_at_fault() -> None:
    assert [policy_fault(POLICY, state_naming(named)) for named in (None, POLICY)] == [None, None]
    digest = hashlib.sha256(OTHER).hexdigest()
    assert policy_fault(POLICY, state_naming(OTHER)) == (
        f"the policy file is not the one that the key state names, SHA-256 {digest}"
    )


def test_a_folder_takes_the_named_policy_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "policy").write_bytes(POLICY)
    install_policy(tmp_path, OTHER, state_naming(OTHER))
    assert (tmp_path / "policy").read_bytes() == OTHER
    for policy, named in ((POLICY, OTHER), (POLICY, None)):
        with pytest.raises(Conflict, match="wrong_target"):
            install_policy(tmp_path, policy, state_naming(named))
    with pytest.raises(Malformed, match="bad_policy"):
        install_policy(tmp_path, b"quorum", state_naming(b"quorum"))
    assert (tmp_path / "policy").read_bytes() == OTHER


def _name_policy(folder: HubFolder, policy: bytes) -> None:
    """Let a member of the folder's log name a policy by a rule entry, and a table of matters that nobody ships."""
    with closing(open_writer(folder.data / "ledger.sqlite")) as connection:
        sequencer = Sequencer.open(SqliteStore(connection), open_hub_keys(folder.data, PASSPHRASE).log)
        documents = {"policy": hashlib.sha256(policy).digest(), "matters": bytes(32)}
        payload = rule_payload(iat=folder.now, prev=sequencer.keys.digest(), documents=documents)
        raw = sign_general(RULE_TYP, payload, [("370214#1", signers["370214#1"])])
        candidate = examine(raw, sequencer.keys, sequencer.size)
        sequencer.sequence([candidate], now=folder.now, journal=(0, EMPTY_JOURNAL_ROOT))


async def test_a_hub_says_that_its_policy_is_not_the_one_in_force(tmp_path: Path) -> None:
    """The key state counts as sequenced: without a quorum, too, since only the new file may bring one."""
    folder = HubFolder.make(tmp_path)
    own = (folder.data / "policy").read_bytes()
    found, lists = [], []
    for named in (None, own, OTHER):
        if named is not None:
            _name_policy(folder, named)
        async with made_hub(folder) as hub:
            await hub.journal.start()
            await hub.registry.start()
            found.append(hub._checks()["policy"]())
            lists.append(hub._checks()["matters"]())
            await hub.registry.stop()
            await hub.journal.stop()
    assert found[:2] == [None, None]
    assert found[2] == policy_fault(own, state_naming(OTHER))
    other = f"the table of matters is not the one that the key state names, SHA-256 {'00' * 32}"
    assert lists == [None, other, other]
