"""The `handrail` command: the whole platform on this machine, and a client for one elsewhere.

Must not live here: logic that belongs to the operator, the gateway or the runtime.
"""
