"""The state folder of one local platform: what survives a restart, and what `status` and its like read.

Lives here: its layout, its lock, its version; the secrets in it have mode 0600.
Must not live here: running anything.
"""
