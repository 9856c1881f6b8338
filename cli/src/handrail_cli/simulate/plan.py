"""From a seed to a plan: the same seed, users and tenant give the same plan, whatever the day. Pure.

A plan holds no id and no time of day; `batches` gives it those when it is carried out.
"""

import random
from dataclasses import asdict, dataclass
from hashlib import sha256

import msgspec

from handrail_cli.simulate.personas import PERSONAS, Persona, Reaction
from handrail_cli.simulate.scene import scenes
from handrail_cli.simulate.walk import PlannedEvent, Walk
from handrail_contracts.signals import SignalKind
from handrail_contracts.tenant_spec import TenantSpec

_PLACES = (
    ("Europe/Vienna", "de-AT"),
    ("Europe/Lisbon", "pt-PT"),
    ("America/New_York", "en-US"),
    ("Asia/Kolkata", "en-IN"),
    ("Asia/Tokyo", "ja-JP"),
)


@dataclass(frozen=True)
class PlannedUser:
    """One user: who they are, what they do, how they take a nudge."""

    index: int
    persona: str
    baseline: str
    origin: str
    time_zone: str
    locale: str
    events: tuple[PlannedEvent, ...]
    expects: frozenset[SignalKind]
    """Signals the platform ought to raise for this user."""
    reaction: Reaction
    patience: float
    """Seconds of silence in which nobody calls this user inactive."""

    @property
    def seconds(self) -> float:
        """Length of the walk."""
        return self.events[-1].at


@dataclass(frozen=True)
class Plan:
    seed: int
    users: tuple[PlannedUser, ...]

    @property
    def events(self) -> int:
        return sum(len(user.events) for user in self.users)

    @property
    def seconds(self) -> float:
        """Length of the longest walk."""
        return max(user.seconds for user in self.users)

    def fingerprint(self) -> str:
        """Equal for equal plans; changes with any event, path or pause."""
        whole = [{**asdict(user), "expects": sorted(user.expects)} for user in self.users]
        return sha256(msgspec.json.encode(whole, order="deterministic")).hexdigest()[:16]


def make_plan(spec: TenantSpec, *, seed: int, users: int, persona: str | None = None) -> Plan:
    """What `users` users will do. Without `persona` they are a mix. Raises KeyError for an unknown persona."""
    chosen = [PERSONAS[persona]] if persona is not None else list(PERSONAS.values())
    return Plan(seed, tuple(_user(spec, seed, index, chosen) for index in range(users)))


def _user(spec: TenantSpec, seed: int, index: int, personas: list[Persona]) -> PlannedUser:
    # A generator of its own for each user: more users change nothing for the first ones.
    rng = random.Random(f"{seed}/{index}")  # noqa: S311 - reproducible on purpose, guards nothing
    persona = rng.choices(personas, weights=[each.weight for each in personas])[0]
    scene = rng.choice(scenes(spec))
    time_zone, locale = rng.choice(_PLACES)
    reaction = rng.choices(
        [name for name, _ in persona.reactions], weights=[weight for _, weight in persona.reactions]
    )[0]
    walk = Walk(rng, scene)
    persona.walk(walk)
    return PlannedUser(
        index=index,
        persona=persona.name,
        baseline=scene.baseline.name,
        origin=scene.origin,
        time_zone=time_zone,
        locale=locale,
        events=tuple(walk.events),
        expects=persona.expects(scene),
        reaction=reaction,
        patience=scene.patience(),
    )
