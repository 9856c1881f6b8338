"""The API server: one client, what kinds there are, how an object differs from what is wanted."""
