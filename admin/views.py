"""The panel's front door."""

from flask import Blueprint

panel = Blueprint("admin", __name__, url_prefix="/admin")
