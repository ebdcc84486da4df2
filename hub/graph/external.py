"""Neo4jEngine: a Neo4j server that others run, by URI, user and password file.

The hub neither starts nor stops it. Restarting after a fence is the operator's part; the hub stops writing, waits until
the server answers again, and compares its cursors before it goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hub.graph.engine import wait_until_ready
from hub.keyfiles import read_private
from ledger.errors import Malformed, Unavailable

__all__ = ["Neo4jEngine", "read_password"]

_READY_S: Final = 60.0
_LEAST_PASSWORD: Final = 8  # characters; what Neo4j takes
_MAX_PASSWORD: Final = 4096  # bytes


def read_password(file: Path) -> str:
    """Read a password file: one line, 8 characters or more, readable by its owner only.

    Raises Malformed bad_file, too_large.
    """
    data = read_private(file, max_bytes=_MAX_PASSWORD)
    try:
        password = data.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise Malformed("bad_file", f"{file.name} is not UTF-8") from error
    if len(password) < _LEAST_PASSWORD or "\n" in password:
        raise Malformed("bad_file", f"{file.name} is not one line of {_LEAST_PASSWORD} characters or more")
    return password


class Neo4jEngine:
    """A Neo4j server at `uri` (`bolt://` for one server, `neo4j://` for a cluster)."""

    def __init__(self, uri: str, *, user: str, password_file: Path, database: str = "neo4j") -> None:
        self.uri = uri
        self.database = database
        self.auth = (user, read_password(password_file))
        self.starts = 0
        self._fence: str | None = None

    @property
    def alive(self) -> bool:
        """True: only a query tells."""
        return True

    @property
    def fenced(self) -> bool:
        """Whether writes are refused until the server has answered again."""
        return self._fence is not None

    def fence(self, reason: str) -> None:
        """Refuse writes until `start`."""
        self._fence = reason

    def check_writable(self) -> None:
        """Raise Unavailable graph_unavailable while fenced; the server watches its own disk."""
        if self._fence is not None:
            raise Unavailable("graph_unavailable", f"the graph is fenced: {self._fence}")

    async def start(self) -> None:
        """Wait until the server answers; lifts the fence. Raises Unavailable graph_unavailable."""
        await wait_until_ready(self, within_s=_READY_S)
        self.starts += 1
        self._fence = None

    async def stop(self) -> None:
        """Do nothing: the server belongs to its operator."""
