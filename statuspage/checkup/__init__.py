"""Whether an installation is well: one finding per thing looked at. Looking changes nothing and sends nothing."""

from .finding import Finding, Verdict
from .rounds import look_at_everything

__all__ = ["Finding", "Verdict", "look_at_everything"]
