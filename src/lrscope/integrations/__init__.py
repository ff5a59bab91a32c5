"""Where lrscope meets other people's frameworks: one place an outsider, loaded on first use."""
