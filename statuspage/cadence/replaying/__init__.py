"""What would we have done? A history measured against a cadence: pure, facts in and figures out.

`stories` is what a history says, `gaps` the silences in it and what the ladder would have done in each, `measuring`
the figures, `slots` the same by length, hour and weekday.
"""

from .measuring import Replay, measure
from .stories import Broken, History, Statement, Story

__all__ = ["Broken", "History", "Replay", "Statement", "Story", "measure"]
