"""Who is on duty, as a calendar elsewhere says."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified, WordType
from ..sealing import Sealed
from ..vocabulary import IncidentRole
from .page import Page


class OnCallFeed(Identified, Base):
    """A calendar of who is on duty for one role: what it said when it could last be read, and what is wrong since.

    `shifts` holds begin, end (as text) and the colleagues' ids; `strangers` whom it names and nobody here knows.
    """

    __tablename__ = "oncall_feed"
    __table_args__ = (UniqueConstraint("page_id", "role"),)

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    role: Mapped[IncidentRole] = mapped_column(WordType(IncidentRole))
    # Whoever has it reads the rota; it is shown to nobody.
    url: Mapped[str] = mapped_column(Sealed(800))
    shifts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    strangers: Mapped[list[str]] = mapped_column(default=list)
    trouble: Mapped[str] = mapped_column(String(300), default="")
    read_at: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    due_at: Mapped[datetime]

    page: Mapped[Page] = relationship()
