"""Writes the folders of tests/cases_eseal: `python -m tests.cases_eseal.generate`. Running it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from tests.cases_eseal import bindings, forms, makers, signers
from tests.cases_eseal.case import SHARED, Case

__all__ = ["FOLDER", "all_cases"]

FOLDER: Final = Path(__file__).parent


def all_cases() -> Iterator[Case]:
    """Make every case, by steps."""
    return chain(forms.cases(), makers.cases(), signers.cases(), bindings.cases())


def main() -> None:
    for name, data in SHARED.items():
        (FOLDER / name).write_bytes(data)
    for case in all_cases():
        folder = FOLDER / f"{case.name}_fail"
        folder.mkdir(exist_ok=True)
        for name, data in case.files().items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
