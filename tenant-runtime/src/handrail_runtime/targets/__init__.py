"""Whether the elements that the config names are still in the pages: what ingest writes down and the API tells of.

Pure. What crosses the door is in `handrail_contracts.targets`; tables and statements are with the roles.
"""
