"""Arrays in, estimates out. Nothing here has heard of learning rates."""
