"""The audit record: who did what, when. For admins."""

from flask import render_template

from statuspage.vocabulary import StaffRole

from . import forms, queries
from .auth import needs
from .views import panel


@panel.get("/audit")
@needs(StaffRole.ADMIN)
def journal() -> str:
    """The record, newest first."""
    return render_template("admin/journal.html", entries=queries.audit_entries(forms.continued_from()))
