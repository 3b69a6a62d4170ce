"""v2: the public documents, and signing up by program. Nobody needs a key, and nobody learns who is subscribed."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from .. import limits, subscriptions, urls
from ..clock import utcnow
from ..db import new_id
from ..errors import CandorError, Invalid, NotFound
from ..presenting import site_page
from ..subscriptions import Wishes
from ..tokens import signer
from ..web import front
from ..web.signing_up import require_within_limits
from . import answers, bodies, documents, errors, facts, shapes
from .documents import Document, Site, utc_instant
from .operations import ID
from .v1_subscribers import address_of, usual_level
from .wire import as_json

CONSENT = "asked by API v2; the owner of the address confirms"

public = Blueprint("api_v2", __name__, url_prefix="/api/v2")


@dataclass(frozen=True)
class PublicDocument:
    """One document that everybody may read."""

    path: str
    make: Callable[[Site], Document]
    answer: Any

    @property
    def name(self) -> str:
        """Its endpoint, and its operationId."""
        return "get_" + self.path.removesuffix(".json").replace("/", "_").replace("-", "_")

    @property
    def summary(self) -> str:
        """What it holds."""
        return f"The public document {self.path}"


NONE_PLANNED = (documents.maintenances_document, answers.MaintenancesDocument)
DOCUMENTS = (
    PublicDocument("summary.json", lambda site: documents.summary(
        site, facts.listed_components(site.page), facts.incidents(site.page, only_open=True)), answers.Summary),
    PublicDocument("status.json", lambda site: documents.status_document(
        site, facts.listed_components(site.page)), answers.StatusDocument),
    PublicDocument("components.json", lambda site: documents.components_document(
        site, facts.listed_components(site.page)), answers.ComponentsDocument),
    PublicDocument("incidents.json", lambda site: documents.incidents_document(
        site, facts.incidents(site.page)), answers.IncidentsDocument),
    PublicDocument("incidents/unresolved.json", lambda site: documents.incidents_document(
        site, facts.incidents(site.page, only_open=True)), answers.IncidentsDocument),
    PublicDocument("scheduled-maintenances.json", *NONE_PLANNED),
    PublicDocument("scheduled-maintenances/active.json", *NONE_PLANNED),
    PublicDocument("scheduled-maintenances/upcoming.json", *NONE_PLANNED),
)  # fmt: skip


def render(document: PublicDocument, site: Site) -> bytes:
    """The document's bytes."""
    return json.dumps(document.make(site), ensure_ascii=False, separators=(",", ":")).encode()


def _view(document: PublicDocument) -> Callable[[], Response]:
    def view() -> Response:
        def make() -> front.Document:
            return front.Document(render(document, Site(site_page(), urls.settings().base_url)), "application/json")

        response = front.answer((request.endpoint,), make)
        response.headers["Content-Type"] = "application/json; charset=utf-8"
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    return view


@public.post("/subscribers.json")
def sign_up() -> Response:
    """Ask to be told; the owner of the address confirms. The answer is alike for known and unknown addresses."""
    bodies.require_size(request)
    tree, is_form = bodies.read(request)
    asked = shapes.read(shapes.PublicSubscriber, tree, is_form).subscriber
    now, page = utcnow(), site_page()
    if asked.incident or asked.incident_id:
        raise Invalid({"subscriber.incident": "One cannot subscribe to one incident here yet; leave it out."})
    channel, address, contact = address_of(asked)
    if channel not in page.public_channels:
        raise Invalid({"subscriber": "This page does not offer that channel. Choose one that it does."})
    known = {component.public_id: component for component in facts.listed_components(page)}
    wanted = dict.fromkeys([*(asked.component_ids or ()), *((asked.component_id,) if asked.component_id else ())])
    if unknown := [each for each in wanted if each not in known]:
        raise Invalid({"subscriber.component_ids": f"“{unknown[0][:40]}” is not a component of this page."})
    require_within_limits(channel, address, contact)
    wishes = Wishes(tuple(known[each] for each in wanted), usual_level(channel))
    network = signer().pseudonym(limits.network_of(request.remote_addr or ""))
    subscriptions.sign_up(page, channel, address, wishes, CONSENT, network, now, contact)
    email = (address if channel == "email" else contact) or None
    where = {"phone": address if channel == "sms" else None, "webhook": address if channel == "webhook" else None}
    pending = {
        "created_at": utc_instant(now),
        "skip_confirmation_notification": False,
        "quarantined_at": None,
        # It stands for this request alone: it opens nothing, so that nobody unsubscribes another by it.
        "id": new_id(),
        "mode": channel,
        "purge_at": None,
        "email": email,
    }
    site = Site(page, urls.settings().base_url)
    more = {"mode": "webhook" if where["webhook"] else "email_sms", "email": email, **where}
    return as_json({"subscriber": pending, **documents.head(site), **more, "can_select_components": True}, 201)


@public.delete("/subscribers/<public_id>.json")
def give_up(public_id: str) -> Response:
    """Withdraw a request to be told. Who has confirmed leaves by the link in every message instead.

    A request that nobody confirms sends nothing and is forgotten after a week; whoever knows an id can therefore
    neither end nor prevent another's subscription, and the answer is the same for every id.
    """
    if not re.fullmatch(ID, public_id):
        raise NotFound("The requested resource could not be found.")
    return as_json(True)


for _document in DOCUMENTS:
    public.add_url_rule(f"/{_document.path}", _document.name, _view(_document), methods=["GET"])
public.register_error_handler(CandorError, errors.answer)
