"""Nineteen made-up counties of any size: a whole alliance's ledger and journal, the same for the same seed."""
