"""What is true: identifiers, seals, attestations, the transparency log, status, receipts and the verifier."""
