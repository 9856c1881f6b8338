"""The provider that asks a model behind any OpenAI-compatible endpoint. Imported at the first question to one.

Lives here: the prompts with their versions (`prompts/`), what of a case a model may see (`view.py`, `redaction.py`),
one request and its faults (`endpoint.py`, `faults.py`), the retries (`provider.py`), and the mending of answers
(`answers.py`, `markdown.py`, `language.py`). Must not live here: the choice between providers, the budget, gates.
"""
