"""The chaos run: random faults in the kernel lab, and an oracle that knows what must be in the table.

See docs/chaos.md.
"""
