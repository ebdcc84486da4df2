"""How old a node's view of the members' keys is: when a quorum said last that there are no others.

    key_view   id 1   at   POSIX seconds: time of the newest witnessed head that bound the folder's chain of keys

The serving node writes it (hub/county/following.py), every process of the folder reads it: `GET /readyz` and `tongban
county status` say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hub.database import Database

__all__ = ["KEYS_BELIEVED_S", "KEYS_STALE_S", "KEY_VIEW_SCHEMA", "KeyView"]

KEYS_BELIEVED_S: Final = 300
"""For how long after a witnessed head a log is believed that says "nothing new"."""

KEYS_STALE_S: Final = 2 * KEYS_BELIEVED_S
"""How old that head may grow, beside a heartbeat of the log, before the view is reported as stale.

After the first half the node looks for a newer head every 15 seconds. So none was to be had for five minutes, in which
any outbox raises its alarm, too: the hub is away or has no quorum, or it shows this node an old state, and keys that
were stolen and revoked meanwhile still count as good here.
"""

KEY_VIEW_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS key_view (
  id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL)"""

_SEEN: Final = "INSERT INTO key_view VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = max(at, excluded.at)"


class KeyView:
    """What the processes of one folder know about the age of their chain of keys. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    def seen(self, at: int) -> None:
        """Write down that a witnessed head of this time bound the chain; an older one changes nothing."""
        with self._database.transaction() as connection:
            connection.execute(_SEEN, (at,))

    def fault(self, now: int, heartbeat_s: int) -> str | None:
        """Say that the view is stale, and for how long; None: it is not. heartbeat_s: the rule of the key state."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT at FROM key_view").fetchone()
        if row is None:
            return "no witnessed head has confirmed the members' keys so far"
        if now - row[0] <= KEYS_STALE_S + heartbeat_s:
            return None
        return f"no witnessed head has confirmed the members' keys for {now - row[0]} s: others may be in force"
