"""What a benchmark says."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure against its reference, and whether that is good enough."""

    id: str
    what: str
    value: float
    unit: str
    reference: float
    goal: str
    met: bool

    @property
    def ratio(self) -> float:
        """The figure, in units of its reference."""
        return self.value / self.reference

    def as_dict(self, scale: float, versions: dict[str, str]) -> dict[str, Any]:
        """As `bench.json` keeps it."""
        return asdict(self) | {"ratio": self.ratio, "scale": scale, "versions": versions}
