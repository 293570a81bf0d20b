"""One module a verb: read the arguments, call, print, exit code."""
