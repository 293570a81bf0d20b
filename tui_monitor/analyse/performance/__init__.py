"""How well a model does, from its own prediction log with labels; keeps counts, not rows."""
