"""How a training run happens: started, advanced to a step, paused, closed, and what survives of it."""
