"""When a tenant is looked at: watches, the queue, leadership, and whether the watches still tell all."""
