"""Commands that ask a running platform, or just read: status, keys, validate, delete.

Must not live here: running anything.
"""
