"""Facts to text, JSON, figure and page."""
