"""`handrail up`: the whole platform on this machine, and the local stand-in for the operator.

Lives here: what runs, in which order; following the tenant files; answering what the gateway asks of the operator.
Must not live here: how a tenant is provisioned or an edit is judged (handrail_operator), how processes are kept
(supervise).
"""
