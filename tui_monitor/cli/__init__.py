"""What the user types: parse, call, print, exit code. Owns no state and decides nothing about what is watched."""
