"""Writes the folders of tests/cases: `python -m tests.cases.generate`. Running it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from tests.cases import forms, presentations, proofs, requests, seals, sm2, statuses
from tests.cases.case import Case

__all__ = ["FOLDER", "all_cases"]

FOLDER: Final = Path(__file__).parent


AnyCase = Case | requests.WitnessCase | requests.PolicyCase


def all_cases() -> Iterator[AnyCase]:
    """Make every case: receipts by steps, then what witnesses are asked, then policies."""
    receipts = (forms.cases(), seals.cases(), sm2.cases(), proofs.cases(), presentations.cases(), statuses.cases())
    return chain(*receipts, requests.witness_cases(), requests.policy_cases())


def main() -> None:
    for case in all_cases():
        folder = FOLDER / f"{case.name}_fail"
        folder.mkdir(exist_ok=True)
        for name, data in case.files().items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
