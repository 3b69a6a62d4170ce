"""A believable company: its people, components, customers, 90 days of history and one incident under way."""

from .build import Made, build, person

__all__ = ["Made", "build", "person"]
