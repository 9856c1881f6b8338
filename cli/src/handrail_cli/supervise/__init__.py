"""Children that never outlive us: a keeper process owns them and ends them when our end of a socket closes.

Lives here: the keeper (standard library only, it runs without site-packages) and its client.
Must not live here: what the children are for.
"""
