"""``lvsmon check``: every probe once, what it means, and on request the kernel's table put right.

    selection ──▶ probing ──▶ judge ──▶ table (plan, or apply) ──▶ alerting ──▶ report ──▶ outputs/

Only `judge` decides, and it is pure; it uses the same health and pool as the daemon does.
"""
