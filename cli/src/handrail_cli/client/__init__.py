"""Commands that ask a running platform, or just read: status, keys, dead letters, runs, escalations, validate, delete.

Must not live here: running anything.
"""
