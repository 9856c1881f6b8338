"""The role agent: a signal comes in, one decision about it goes out.

Lives here: the LangGraph graph (`graph.py`, `state.py`, one file per node in `nodes/`), the pure gates that say
whether to help, the providers that say what is wrong and what to tell the user, the effects and the one place that
carries them out, and the pull consumer around it all (`role.py`).
Must not live here: detectors, sockets, events as they arrive.
"""
