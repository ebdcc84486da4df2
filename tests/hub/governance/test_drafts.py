"""Drafts: what is wished twice, in two ways, is asked about and not chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from hub.county.member import KeyFile
from hub.county.rotation import rotate
from hub.governance.drafts import RULE_BOUNDS, MemberWishes, draft_members, draft_rules
from hub.keychain import KeyChain
from ledger.errors import Malformed
from ledger.governance import RULES
from tests.alliance import NOW, found_alliance

HOME: Final = "370214"


def changed(file: KeyFile) -> KeyFile:
    """Give a key file that names another time for its keys, and no cosigner."""
    keys = tuple(replace(key, valid_from=key.valid_from + 1) for key in file.keys)
    return replace(file, keys=keys, cosigners=dict.fromkeys(file.cosigners, ""))


@pytest.mark.parametrize(("use", "name"), [("seal", "370214#5"), ("witness", "witness")])
def test_two_wishes_for_one_key_are_no_draft(tmp_path: Path, use: str, name: str) -> None:
    alliance = found_alliance(tmp_path, ("130283", HOME), k=2)
    state, made = KeyChain.follow(alliance.genesis, ()).state, rotate(alliance.nodes[HOME], use, now=NOW).file
    alliance.close()
    one = draft_members(state, MemberWishes(add=[made]), iat=NOW)
    assert draft_members(state, MemberWishes(add=[made, made]), iat=NOW) == one
    with pytest.raises(Malformed) as caught:
        draft_members(state, MemberWishes(add=[made, changed(made)]), iat=NOW)
    assert str(caught.value) == f"bad_setting: two different wishes for {name} of {HOME}"


def test_a_key_of_a_county_that_leaves_may_be_void_as_well(tmp_path: Path) -> None:
    alliance = found_alliance(tmp_path, ("130283", HOME), k=1)
    state = KeyChain.follow(alliance.genesis, ()).state
    alliance.close()
    wishes = MemberWishes(leave=[HOME], revoke=["370214#2"], void_from=7, k=1)
    (row,) = draft_members(state, wishes, iat=NOW).change.members
    assert {each.kid: each.void_from for each in row.revoke}["370214#2"] == 7
    assert [each.kid for each in row.revoke] == [f"370214#{number}" for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_proposed_within_its_bounds(tmp_path: Path, name: str) -> None:
    """Its value of the beginning is one that could be proposed, and the bounds are named."""
    alliance = found_alliance(tmp_path, ("130283", HOME), k=1)
    state = KeyChain.follow(alliance.genesis, ()).state
    alliance.close()
    least, most = RULE_BOUNDS[name]
    for seconds in (least, RULES[name], most):
        draft = draft_rules(state, iat=NOW, rules={name: seconds}, documents={}, supervisors={})
        assert state.apply(draft.change, 1).rule(name) == seconds
    for seconds in (least - 1, most + 1):
        with pytest.raises(Malformed) as caught:
            draft_rules(state, iat=NOW, rules={name: seconds}, documents={}, supervisors={})
        assert str(caught.value) == f"bad_setting: {name} = {seconds}: expected {least} to {most} seconds"
