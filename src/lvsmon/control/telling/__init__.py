"""What commands print of the daemon's answers: documents in, text out, no input or output of their own."""
