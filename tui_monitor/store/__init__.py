"""Keeps episodes, acts and frames on disk, and reads them back; knows nothing of where they came from."""
