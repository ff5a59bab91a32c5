"""What views of every kind of result draw with."""
