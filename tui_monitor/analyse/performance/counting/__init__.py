"""Rows become sums: where each stands, slots of time, windows as sums of slots, and the join by id."""
