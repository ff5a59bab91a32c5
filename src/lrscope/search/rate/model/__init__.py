"""A model of a scan: from what its runs have shown, how each rate would end."""
