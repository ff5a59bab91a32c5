"""Reading a learning rate off a run whose rate climbed: the rules that finders use, side by side."""
