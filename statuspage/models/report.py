"""Which months have been reported on."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base
from .delivery import Announcement
from .page import Page


class MonthlyReport(Base):
    """A month of which the report has been made, once: whatever two clocks do, and however often one starts."""

    __tablename__ = "monthly_report"
    __table_args__ = (UniqueConstraint("page_id", "month"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    # As in "2026-10".
    month: Mapped[str] = mapped_column(String(7))
    # None: nobody had asked for it.
    announcement_id: Mapped[int | None] = mapped_column(ForeignKey("announcement.id"))
    created_at: Mapped[datetime]

    page: Mapped[Page] = relationship()
    announcement: Mapped[Announcement | None] = relationship()
