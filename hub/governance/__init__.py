"""Governance: how an alliance is founded, and how k of n members change keys, members and rules."""
