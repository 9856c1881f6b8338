"""`handrail simulate`: realistic users who behave as browsers do, and a report of what the platform did for them.

Lives here: personas and plans (pure), the visit of one user, reading back, the report (pure).
Must not live here: any way into the platform but its public API; what a detector or the agent decides.
"""
