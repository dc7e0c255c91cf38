"""Lanes: ordered streams of pushes that share a fate, keyed by app, environment, provider, slot and class."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from pushwarden.core.scope import Environment, Scope


class Class(StrEnum):
    """How urgent a push is; each class has its own connections, and urgent ones their own process."""

    URGENT = "urgent"
    NORMAL = "normal"
    BULK = "bulk"
    SUSPECT = "suspect"  # a fan-out's devices that nobody has sent to yet: a sample goes first
    ALONE = "alone"  # shards at which senders died: run one at a time, by a sender that holds nothing else


APART = frozenset({Class.SUSPECT, Class.ALONE})
"""What is held in a lane of such a class stays there: the other classes of its app go on."""


CANARY = "="
"""Begins the slot of one credential on standby, its id behind it: test devices get a push by it before all others."""


@dataclass(frozen=True, slots=True)
class Lane:
    """slot: which credential it uses, as `Credential.slot`, or a canary's.

    family: the lane without its class; all classes share the credential and the tokens. key: the family and the class,
    which stands last: SQL changes it there. Both are asked for with every burst, so they are put together once.
    """

    organisation: str
    app: str
    environment: Environment
    provider: str
    klass: Class
    slot: str = ""
    family: str = field(init=False, repr=False, compare=False)
    key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        place = (self.organisation, self.app, self.environment, self.provider)
        family = "/".join((*place, self.slot) if self.slot else place)
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "key", f"{family}/{self.klass.value}")

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, key: str) -> Lane:
        organisation, app, environment, provider, *slot, klass = key.split("/")
        return cls(organisation, app, Environment(environment), provider, Class(klass), *slot)

    def of(self, klass: Class) -> Lane:
        """The same app's lane of another class."""
        return replace(self, klass=klass)

    @property
    def scope(self) -> Scope:
        return Scope(self.organisation, self.app, self.environment)


@lru_cache(maxsize=4096)
def place_of(family: str) -> Scope:
    """The environment a lane family is of; a lane's key will do as well."""
    organisation, app, environment, _ = family.split("/", 3)
    return Scope(organisation, app, Environment(environment))
