"""Writes the folders of tests/cases: `python -m tests.cases.generate`. Running it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from tests.cases import forms, presentations, proofs, seals, statuses
from tests.cases.case import Case

__all__ = ["FOLDER", "all_cases"]

FOLDER: Final = Path(__file__).parent


def all_cases() -> Iterator[Case]:
    """Make every case, by steps."""
    return chain(forms.cases(), seals.cases(), proofs.cases(), presentations.cases(), statuses.cases())


def main() -> None:
    for case in all_cases():
        folder = FOLDER / f"{case.name}_fail"
        folder.mkdir(exist_ok=True)
        for name, data in case.files().items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
