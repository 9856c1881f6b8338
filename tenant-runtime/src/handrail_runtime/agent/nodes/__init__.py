"""The graph's nodes, one a file, each thin: gather or decide or carry out, and return what it adds to the state."""
