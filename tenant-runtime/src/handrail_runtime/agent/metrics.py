"""Figures of the agent."""

from prometheus_client import Counter, Gauge, Histogram

DECISIONS = Counter("handrail_agent_decisions_total", "Signals decided, by kind and outcome.", ["kind", "outcome"])
RUN = Histogram(
    "handrail_agent_run_seconds",
    "From taking a signal to its decision.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
AGE = Histogram(
    "handrail_agent_signal_age_seconds",
    "From the event that completed a finding to the decision about it.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
ACTED = Counter(
    "handrail_agent_acted_total",
    "Runs carried out, by way: swift in one statement, or locked with the gates asked again.",
    ["way"],
)
RUNNING = Gauge("handrail_agent_running_signals", "Signals being worked on now.")
FAILURES = Counter("handrail_agent_failures_total", "Attempts that failed, by why.", ["why"])
PENDING = Gauge("handrail_agent_pending_signals", "Signals in the stream behind the newest one taken.")
LLM_REQUESTS = Counter(
    "handrail_agent_llm_requests_total", "Requests to the model, by what became of them: ok or a fault.", ["outcome"]
)
LLM_SECONDS = Histogram(
    "handrail_agent_llm_seconds",
    "Of one request to the model.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20),
)
LLM_TOKENS = Counter("handrail_agent_llm_tokens_total", "Tokens, input and output.", ["kind"])
LLM_COST = Counter("handrail_agent_llm_cost_usd_total", "US dollars paid for answers of models with a known price.")
ESCALATION_ATTEMPTS = Counter(
    "handrail_agent_escalation_attempts_total",
    "Attempts to deliver an alert, by kind of channel and outcome.",
    ["channel_kind", "outcome"],
)
ESCALATIONS_FAILED = Counter(
    "handrail_agent_escalation_failed_total", "Alerts given up, by kind of channel.", ["channel_kind"]
)
ESCALATIONS_PENDING = Gauge("handrail_agent_escalation_pending", "Alerts still to be delivered.")
