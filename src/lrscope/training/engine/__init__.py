"""Where live runs are kept, and how many of them advance at once."""
