"""Arguments to public functions to a view; one file a command."""
