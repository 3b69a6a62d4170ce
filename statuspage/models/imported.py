"""Records that were said elsewhere first."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column


class Imported:
    """A record that may have come from another service; one made here has neither.

    `imported_digest` holds two fingerprints, of the facts in the file and of the record as it was kept: a second
    import sees by them what has changed there, and what has been changed here since.
    """

    imported_from: Mapped[str | None] = mapped_column(String(300))
    imported_digest: Mapped[str | None] = mapped_column(String(80))
