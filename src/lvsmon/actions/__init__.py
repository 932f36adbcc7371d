"""Reactions to health: the IPVS table, and later alerts."""
