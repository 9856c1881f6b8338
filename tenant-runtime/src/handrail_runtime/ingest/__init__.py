"""The fast path: events from the stream into PostgreSQL and Redis, detectors over them, signals out.

Lives here: the pull consumer, the transaction, the live session, the outbox, the due list, detectors.
Must not live here: anything that thinks for seconds (that is agent), HTTP.
"""
