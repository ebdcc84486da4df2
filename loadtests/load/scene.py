"""What the load test's users share, as two files: Locust runs in a process of its own, patched by gevent.

    scene.json    whom and what to ask after: holders with the licenses that must be found, cases, offerings
    tokens.json   {"HANDLER": ["…"], "HOLDER": ["…"], …}: access tokens by role; token n of HOLDER is holder n's

Whoever has the county's keys puts new tokens in the place of the old ones, again and again: a token lives for minutes.
Nothing of the hub's may run in the patched process: gevent closes folders late, and the next flock waits for ever.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from loadtests.population import Holder

__all__ = ["Scene", "Tokens", "read_tokens", "write_tokens"]

_OWNER: Final = 0o600
Tokens = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """county: who asks. holders: in the order in which they are asked after. cases: of that county; there may be none.

    offerings: (matter, county) of some that are in force. statics: URL of the constant reply, for the ceiling.
    """

    county: str
    holders: tuple[Holder, ...]
    cases: tuple[str, ...]
    offerings: tuple[tuple[str, str], ...]
    statics: str

    def write(self, path: Path) -> None:
        """Write it for its owner alone."""
        _write(path, json.dumps(asdict(self), ensure_ascii=False))

    @classmethod
    def read(cls, path: Path) -> Scene:
        """Read what `write` wrote."""
        found = json.loads(path.read_text("utf-8"))
        holders = tuple(Holder(**{**row, "identifiers": tuple(row["identifiers"])}) for row in found["holders"])
        offerings = tuple((matter, county) for matter, county in found["offerings"])
        return cls(
            county=found["county"], holders=holders, cases=tuple(found["cases"]), offerings=offerings,
            statics=found["statics"],
        )  # fmt: skip


def write_tokens(path: Path, tokens: Tokens) -> None:
    """Put tokens in the place of the old ones: a reader finds the old file or the new one, whole."""
    _write(path, json.dumps({role: list(each) for role, each in tokens.items()}))


def read_tokens(path: Path) -> Tokens:
    """Read tokens by role. Raises ValueError: the file is not of that form, or others can read it."""
    if path.stat().st_mode & 0o077:
        raise ValueError(f"{path.name} can be read by others: expected mode 0600")
    found = json.loads(path.read_text("utf-8"))
    if not isinstance(found, dict) or not all(
        isinstance(each, list) and each and all(isinstance(token, str) for token in each) for each in found.values()
    ):
        raise ValueError(f"{path.name}: expected lists of tokens by role")
    return found


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER), "w", encoding="utf-8") as file:  # noqa: PTH123  # a mode
        file.write(text)
    new.replace(path)
