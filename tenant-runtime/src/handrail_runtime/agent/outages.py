"""What waiting may cure: see handrail_runtime.trouble."""

from handrail_runtime.trouble import is_outage

__all__ = ["is_outage"]
