"""Running probes: one run, and the schedule of all."""
