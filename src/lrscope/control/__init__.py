"""When to change the learning rate: pure controllers, state in, state out."""
