"""Alerts on their way to people: rendered, signed, sent, tried again, and booked.

Lives here: the pure rendering for Slack, JSON and mail (`slack.py`, `webhook.py`, `mail.py`), what one attempt does
(`channels.py`), when the next one is (`retries.py`), the rows (`ledger.py`) and the loop around it (`deliveries.py`).
Must not live here: whether to alert anybody (`gates.py`), and the words of an alert (`alerts.py`).
"""
