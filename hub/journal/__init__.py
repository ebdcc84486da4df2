"""The journal: county statements and access records, append-only, its Merkle root in every status head."""
