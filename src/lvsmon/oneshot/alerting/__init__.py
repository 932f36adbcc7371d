"""Alerts by hand: try a route or a channel, replay a recorded stream, say what is open."""
