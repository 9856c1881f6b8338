"""What crosses a boundary: models, names and subjects that two deployables must agree on.

Lives here: the tenant spec, event batch, signal, diagnosis, nudge, socket and relay frames, problem body,
tenant record, API key format, subjects and key names; generation of JSON Schema.
Must not live here: I/O, clocks, frameworks.
"""
