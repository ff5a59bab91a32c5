"""How a budget is spent: which run is advanced next, and how far."""
