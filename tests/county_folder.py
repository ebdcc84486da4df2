"""One county's data folder for tests of commands and feeds: real keys, real stores, a passphrase in a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.county import CountyNode, init_county, open_county
from hub.keyfiles import read_passphrase, write_private
from tests.entropy import seeded

__all__ = ["CountyFolder"]

_FROM: Final = 1_780_300_800  # 2026-06-01T08:00:00Z


@dataclass(frozen=True, slots=True)
class CountyFolder:
    """A folder made by `init_county`, with its passphrase file beside it."""

    data: Path
    county: str

    @classmethod
    def make(cls, folder: Path, county: str = "370214", *, hub_url: str = "http://127.0.0.1:9") -> CountyFolder:
        """Make the folder and the passphrase file below `folder`. hub_url: by default, where nobody answers."""
        made = cls(folder / county, county)
        write_private(made.passphrase_file, b"correct horse\n")
        init_county(
            made.data,
            county=county,
            name="示例县",
            domain="tongban.example",
            listen_url="http://127.0.0.1:9",
            hub_url=hub_url,
            passphrase=b"correct horse",
            holder_key=seeded("holder key")(32),
            random=seeded(f"init {county}"),
            now=_FROM,
        )
        return made

    @property
    def passphrase_file(self) -> Path:
        """The file with the passphrase of its keys."""
        return self.data.with_name(f"{self.county}.pass")

    @property
    def options(self) -> tuple[str, ...]:
        """The options by which a command finds the folder."""
        return ("--data", str(self.data), "--passphrase-file", str(self.passphrase_file))

    @contextmanager
    def opened(self, random: str = "node") -> Iterator[CountyNode]:
        """Open the folder in this process."""
        with closing(open_county(self.data, read_passphrase(self.passphrase_file), random=seeded(random))) as node:
            yield node

    def counts(self) -> tuple[int, int]:
        """Count licenses and outbox items, also while another process writes; (0, 0) before there is a table."""
        query = "SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM outbox)"
        try:
            with closing(sqlite3.connect(f"file:{self.data / 'records.sqlite'}?mode=ro", uri=True)) as connection:
                records, items = connection.execute(query).fetchone()
        except sqlite3.OperationalError:
            return 0, 0
        return int(records), int(items)
