"""What came of a run: when it is over, what it says, and whether it went well. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handrail_cli.simulate.plan import Plan
from handrail_cli.simulate.visit_log import VisitLog


@dataclass(frozen=True)
class Reading:
    """What the platform says about the run's users. Rows as the API gives them."""

    stored: int = 0
    """Accepted events of this run that stand in the database, each counted once."""
    decisions: tuple[dict[str, Any], ...] = ()
    nudges: tuple[dict[str, Any], ...] = ()
    escalations: tuple[dict[str, Any], ...] = ()

    def signature(self) -> tuple[object, ...]:
        """Changes whenever something came of the run."""
        statuses = tuple(sorted((str(row["nudge_id"]), str(row["status"])) for row in self.nudges))
        return self.stored, len(self.decisions), len(self.escalations), statuses


@dataclass(frozen=True)
class Outcome:
    """A run as it ended."""

    plan: Plan
    logs: Sequence[VisitLog]
    reading: Reading
    errors: Counter[str]
    retries: int
    seconds: float
    interrupted: bool


def sent(logs: Sequence[VisitLog]) -> int:
    return sum(len(log.sent) for log in logs)


def unmet(logs: Sequence[VisitLog], reading: Reading) -> int:
    """Signals that users ought to have caused and the platform has not decided upon."""
    found = {(row["user_id"], row["signal_kind"]) for row in reading.decisions}
    return sum((log.user_id, kind) not in found for log in logs if log.walked for kind in log.plan.expects)


def waiting_for(logs: Sequence[VisitLog], reading: Reading) -> list[str]:
    """What a run that has done its part still waits for, as words; empty when it is over."""
    received = {nudge for log in logs for nudge in log.received}
    gone = {log.user_id for log in logs if log.stage == "failed" or log.deaf}
    on_the_way = [row for row in reading.nudges if row["status"] == "pending" and row["user_id"] not in gone]
    handled = {nudge for log in logs for nudge in log.received[: log.reacted]}
    unsure = [row for row in reading.nudges if row["nudge_id"] in handled and not row.get("shown_at")]
    wanted = {
        "events": sent(logs) - reading.stored,
        "signals": unmet(logs, reading),
        "nudges": sum(row["nudge_id"] not in received for row in on_the_way),
        "reactions": len(unsure),
        "users": sum(not log.at_rest for log in logs),
    }
    return [f"{count} {what}" for what, count in wanted.items() if count > 0]


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` (0 to 1) of all do not exceed; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def summarise(tenant: str, outcome: Outcome) -> dict[str, Any]:
    """The report as one JSON object."""
    logs, reading = outcome.logs, outcome.reading
    latencies = [seconds * 1000 for log in logs for seconds in log.latencies]
    missing = unmet(logs, reading)
    return {
        "tenant": tenant,
        "seed": outcome.plan.seed,
        "plan": outcome.plan.fingerprint(),
        "ok": not trouble(outcome),
        "interrupted": outcome.interrupted,
        "seconds": round(outcome.seconds, 1),
        "users": {"planned": len(logs), "done": sum(log.stage == "left" for log in logs)}
        | {"personas": dict(sorted(Counter(log.plan.persona for log in logs).items()))},
        "events": {
            "planned": outcome.plan.events,
            "sent": sent(logs),
            "stored": reading.stored,
            "reactions": sent(logs) - sum(log.walked for log in logs),
            "retries": outcome.retries,
        },
        "signals": {
            "total": len(reading.decisions),
            "by_kind": _counts(reading.decisions, "signal_kind"),
            "expected": sum(len(log.plan.expects) for log in logs),
            "missing": missing,
        },
        "decisions": _counts(reading.decisions, "outcome", "reason"),
        "nudges": {"sent": len(reading.nudges), "received": sum(len(log.received) for log in logs)}
        | {what: sum(bool(row.get(f"{what}_at")) for row in reading.nudges) for what in _NUDGE_STEPS},
        "escalations": len(reading.escalations),
        "latency_ms": {"p50": _ms(percentile(latencies, 0.5)), "p99": _ms(percentile(latencies, 0.99))}
        | {"samples": len(latencies)},
        "errors": [{"what": what, "count": count} for what, count in outcome.errors.most_common()],
        "visits": [_visit(log, reading) for log in logs],
    }


_NUDGE_STEPS = ("shown", "clicked", "dismissed", "completed")


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _counts(rows: Sequence[dict[str, Any]], *columns: str) -> dict[str, int]:
    return dict(sorted(Counter(": ".join(str(row.get(column)) for column in columns) for row in rows).items()))


def _visit(log: VisitLog, reading: Reading) -> dict[str, Any]:
    """One user. Two runs of one seed differ here in the user id alone, if the platform did the same."""
    own = [row for row in reading.decisions if row["user_id"] == log.user_id]
    return {
        "user_id": log.user_id,
        "persona": log.plan.persona,
        "baseline": log.plan.baseline,
        "events": log.walked,
        "signals": _counts(own, "signal_kind"),
        "nudges": len(log.received),
    }


def trouble(outcome: Outcome) -> list[str]:
    """Why the run failed, as sentences; empty when it went well."""
    found = []
    accepted = sent(outcome.logs)
    if outcome.interrupted:
        found.append("The run was interrupted; the report is about what was done until then.")
    if outcome.reading.stored != accepted:
        found.append(
            f"{accepted} events were accepted and {outcome.reading.stored} of them are stored: look at "
            "`handrail status` and `handrail deadletters list`."
        )
    if outcome.errors:
        found.append(f"{sum(outcome.errors.values())} errors happened, see the report.")
    return found


def table(report: dict[str, Any]) -> str:
    """The report as plain text."""
    users, events, nudges, latency = report["users"], report["events"], report["nudges"], report["latency_ms"]
    rows: list[tuple[str, object]] = [
        ("tenant", report["tenant"]),
        ("seed", f"{report['seed']} (plan {report['plan']})"),
        ("seconds", report["seconds"]),
        ("users", f"{users['planned']} ({_listed(users['personas'])})"),
        ("events sent", f"{events['sent']} ({events['reactions']} of them in answer to the platform)"),
        ("events stored", events["stored"]),
        ("signals", report["signals"]["total"]),
        *((f"  {kind}", count) for kind, count in report["signals"]["by_kind"].items()),
        ("signals expected, missing", f"{report['signals']['expected']}, {report['signals']['missing']}"),
        ("decisions", sum(report["decisions"].values())),
        *((f"  {what}", count) for what, count in report["decisions"].items()),
        *((f"nudges {what}", nudges[what]) for what in ("sent", "received", *_NUDGE_STEPS)),
        ("escalations", report["escalations"]),
        ("event to nudge, p50", _shown_ms(latency["p50"])),
        ("event to nudge, p99", _shown_ms(latency["p99"])),
        ("retries", events["retries"]),
        ("errors", sum(error["count"] for error in report["errors"])),
        *((f"  {error['count']} x", error["what"]) for error in report["errors"]),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _shown_ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
