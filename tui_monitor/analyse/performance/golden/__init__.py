"""Questions with known answers: what was right, what changed, and which inputs matter."""
