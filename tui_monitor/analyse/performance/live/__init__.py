"""One prediction log as it grows: joined, counted, held against what is usual, told, and kept over a restart."""
