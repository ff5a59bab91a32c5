"""Which learning rate, for how long, and what to conclude."""
