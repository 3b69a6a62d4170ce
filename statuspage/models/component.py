"""What customers rely on."""

from datetime import date, datetime

from sqlalchemy import Float, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..db import Base, Identified, WordType
from ..vocabulary import Audience, ComponentStatus
from .imported import Imported
from .page import Page


class ComponentGroup(Imported, Identified, Base):
    """A heading over components that belong together."""

    __tablename__ = "component_group"
    __table_args__ = (UniqueConstraint("page_id", "name"),)

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(500), default="")
    position: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]

    components: Mapped[list["Component"]] = relationship(back_populates="group", order_by="Component.position")


class Component(Imported, Identified, Base):
    """One thing customers rely on, and how it is doing."""

    __tablename__ = "component"
    __table_args__ = (Index("ix_component_page_name", "page_id", "name"),)

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("component_group.id"))
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(500), default="")
    position: Mapped[int] = mapped_column(default=0)
    status: Mapped[ComponentStatus] = mapped_column(WordType(ComponentStatus), default=ComponentStatus.OPERATIONAL)
    audience: Mapped[Audience] = mapped_column(WordType(Audience), default=Audience.PUBLIC)
    # Whether its uptime is shown, and from which day on.
    showcase: Mapped[bool] = mapped_column(default=True)
    start_date: Mapped[date | None]
    only_show_if_degraded: Mapped[bool] = mapped_column(default=False)
    # What share of the time it is to be up, in percent; None: nobody has set a target.
    uptime_target: Mapped[float | None] = mapped_column(Float)
    status_changed_at: Mapped[datetime]
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]

    page: Mapped[Page] = relationship()
    group: Mapped[ComponentGroup | None] = relationship(back_populates="components")

    @property
    def updated_at(self) -> datetime:
        """When its state or its facts last changed."""
        return max(self.status_changed_at, self.edited_at or self.created_at)
