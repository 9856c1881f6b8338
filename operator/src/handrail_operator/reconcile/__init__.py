"""One tenant brought to what it should be: what is seen, what is decided (pure), what is done."""
