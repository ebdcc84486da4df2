"""Record sources: where the face of a license is asked for."""
