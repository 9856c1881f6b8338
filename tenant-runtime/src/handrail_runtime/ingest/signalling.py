"""From a finding to the signal that leaves ingest. Pure."""

from hashlib import blake2b

from handrail_contracts import signals
from handrail_contracts.signals import Signal
from handrail_runtime.session.progress import Awaited
from handrail_runtime.session.seen import Finding
from handrail_runtime.session.state import SessionState

MAX_STUCK_POINT = 500
MAX_PATH = 2048


def signal(user_id: str, session_id: str, state: SessionState, finding: Finding, awaited: Awaited | None) -> Signal:
    """`awaited` is the baseline's step that the session was waiting for at the time of the finding, if any."""
    evidence = dict(finding.evidence)
    selector = finding.selector
    if awaited is not None:
        # The tooltip belongs on the element that leads on, not on the one that was in the way.
        selector = awaited.step.selector or finding.selector
        if finding.selector:
            evidence["element"] = finding.selector
        evidence["steps_reached"] = awaited.progress.reached
        evidence["waited_ms"] = max(0, finding.at - awaited.progress.at) // 1000
    return Signal(
        # A session's id is unique only within its user.
        signal_id=signals.signal_id(finding.kind, session_id, f"{user_id}\n{finding.anchor}"),
        kind=finding.kind,
        user_id=user_id,
        session_id=session_id,
        stuck_point=awaited.stuck_point if awaited else place(finding.path, finding.selector),
        occurred_at=finding.at,
        path=finding.path[:MAX_PATH],
        selector=selector,
        baseline=awaited.baseline if awaited else None,
        step=awaited.step.name if awaited else None,
        simulated=state.simulated,
        fresh=not finding.stale,
        evidence=evidence,
        trace=state.trace,
    )


def place(path: str, selector: str | None) -> str:
    """A stuck point off all baselines: `<path>#<selector>` or `<path>`, at most 500 characters, unlike for unlike."""
    full = f"{path or '/'}#{selector}" if selector else path or "/"
    if len(full) <= MAX_STUCK_POINT:
        return full
    return f"{full[: MAX_STUCK_POINT - 17]}~{blake2b(full.encode(), digest_size=8).hexdigest()}"
