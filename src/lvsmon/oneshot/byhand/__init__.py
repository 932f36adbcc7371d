"""`lvsmon probe`: one probe run by hand, with its dialogue."""
