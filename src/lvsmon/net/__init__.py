"""The network behind one interface: above this room there is no socket and no OSError."""
