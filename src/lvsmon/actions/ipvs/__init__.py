"""IPVS: desired against observed, and three ways to tell the kernel."""
