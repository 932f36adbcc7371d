"""Configuration: strict loading, every error at once."""
