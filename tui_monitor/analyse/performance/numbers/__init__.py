"""From sums to quality numbers, each with its interval."""
