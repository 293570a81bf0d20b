"""Wires the rooms: the one place where collecting, analysing, alerting and storing meet, and the socket they are seen through."""
