"""Detectors: pure functions from what a session did to what it means. A file per detector.

Values in, values out; times are passed in, microseconds since 1970. Nothing here reads a clock or does I/O.
"""
