"""Alerting at work: the desk decides and keeps the books, the courier delivers, a thread of its own runs both."""
