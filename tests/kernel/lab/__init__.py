"""The kernel lab: a Linux kernel with IPVS, run as an ordinary process, in which tests/kernel runs.

See docs/kernel-lab.md.
"""
