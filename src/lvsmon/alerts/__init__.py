"""Who is told what and when: conditions become incidents, incidents alerts, routes choose the channels. Pure.

decided, notices ──▶ conditions ──▶ incidents ──▶ routes ──▶ alerts ──▶ outbox ──▶ channels (lvsmon.actions)
"""
