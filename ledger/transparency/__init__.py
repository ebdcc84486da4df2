"""The transparency log: C2SP tiles, notes, checkpoints, cosignatures, policies and proofs over RFC 6962 trees."""
