"""Who diagnoses and who writes. Each provider gives the same validated output, so the graph knows no difference.

Lives here: the interface (`provider.py`), the choice between providers (`choice.py`), the provider without any
model (`rules.py`) and its phrases. Must not live here: gates, the database.
"""
