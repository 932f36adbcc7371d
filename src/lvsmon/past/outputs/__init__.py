"""What looking back is told in: text for people, JSON for programs. Typed values in, text out."""
