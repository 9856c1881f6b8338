"""Tenant files as people write them: YAML with comments, several documents in a file.

Lives here: reading with places (file, line, field), watching for changes, rewriting single fields with the comments
kept.
Must not live here: what a spec means (contracts), what is done about it (up).
"""
