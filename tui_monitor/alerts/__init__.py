"""Turns numbers into episodes with a life: pending, firing, resolved, lost, and who has acknowledged them; does no I/O."""
