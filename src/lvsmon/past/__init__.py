"""Looking back: what happened, and how much of the time each destination was up. Reads the store, changes nothing."""
