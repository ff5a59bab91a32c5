"""Reading a learning rate off a run whose rate rose: the rules that finders use, side by side."""
