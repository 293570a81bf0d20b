"""Changes of rows as a whole: what several columns together have, and none alone."""
