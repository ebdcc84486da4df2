"""Upkeep of a hub's stores: check, backup, restore from a mirror, audit of a log from outside."""
