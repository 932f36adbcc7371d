"""What well-known receivers of webhooks want to hear: an alert in, JSON out. Pure; one file per family."""
