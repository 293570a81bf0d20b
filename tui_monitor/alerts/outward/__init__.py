"""Tells other systems of alerts and of what people did with them, and reads theirs; the only part of this room that does I/O.

Nothing here decides: what must be told comes as rows of the outbox, and what became of each goes back to it. A failure is a reason and a time
for the next attempt, never an exception; no key, no evaluation and no other system waits for it.
"""
