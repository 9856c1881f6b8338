"""A session as ingest writes it and the agent reads it: what was seen, and how far it is on a baseline. Pure."""
