"""What state training is in, and what would help."""
