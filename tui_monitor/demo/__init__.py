"""A small real classifier, a token generator and their traffic, to show a true incident where there is no server."""
