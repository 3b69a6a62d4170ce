"""The shapes of what clients send; the same models make `/openapi.json`.

Attributes that are documented and mean nothing here are accepted and left alone; unknown ones are ignored, as the
vendor does. Null is the same as leaving an attribute out, unless its description says otherwise.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

from .. import text
from ..errors import Invalid

Model = TypeVar("Model", bound=BaseModel)

_FORM = "form"
_SENTENCES = {
    "missing": "Give it; it is required.",
    "string_type": "This must be text.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "dict_type": "This must be an object.",
    "list_type": "This must be a list.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be an object.",
}
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def _blank_is_nothing(value: Any, info: ValidationInfo) -> Any:
    """In a form, an empty field is how one leaves something out."""
    is_form = bool(info.context and info.context.get(_FORM))
    return None if is_form and value in ("", "null") else value


def _line(value: str) -> str:
    cleaned = text.one_line(value)
    if not cleaned:
        raise ValueError("can't be blank")
    return cleaned


def _free_line(value: str) -> str:
    return text.one_line(value)


def _block(value: str) -> str:
    return text.block(value)


def _moment(value: str) -> str:
    try:
        at = datetime.fromisoformat(value)
        at = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time like 2026-11-21T13:30:00Z") from None
    if not _EARLIEST <= at < _EARLIEST.replace(year=9000):
        raise ValueError("must be a time between 1970 and 9000")
    return at.isoformat()


def _day(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("must be a day like 2026-11-21") from None


def _intervals(value: str) -> str:
    """`[1, 5, 7]` strictly rising, `4`, or `[]`; hours between 1 and 24."""
    found = [int(digits) for digits in re.findall(r"\d{1,2}", value)]
    is_spelt_well = re.fullmatch(r"\d{1,2}|\[\s*(?:\d{1,2}(?:\s*,\s*\d{1,2})*)?\s*\]", value, re.ASCII)
    if not is_spelt_well or any(not 1 <= hour <= 24 for hour in found) or found != sorted(set(found)):
        raise ValueError('must be hours like "[3, 6, 12]", one number like "4", or "[]"')
    return value


Blankable = BeforeValidator(_blank_is_nothing)
Title = Annotated[str, Field(min_length=1, max_length=text.TITLE_LIMIT), AfterValidator(_line)]
Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_line)]
Description = Annotated[str, Field(max_length=500), AfterValidator(_free_line)]
Words = Annotated[str, Field(max_length=text.BODY_LIMIT), AfterValidator(_block)]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}), AfterValidator(_moment)]
Day = Annotated[str, Field(json_schema_extra={"format": "date"}), AfterValidator(_day)]
Intervals = Annotated[str, Field(max_length=80), AfterValidator(_intervals)]
Flag = Annotated[bool | None, Blankable]
State = Literal["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage", ""]
ImpactWord = Literal["none", "maintenance", "minor", "major", "critical"]
IncidentState = Literal[
    "investigating", "identified", "monitoring", "resolved", "scheduled", "in_progress", "verifying", "completed"
]
Mode = Literal["email", "sms", "webhook", "slack", "teams", "integration_partner"]


class Shape(BaseModel):
    """Anything that clients send."""

    model_config = ConfigDict(extra="ignore", title=None)


class IncidentAttributes(Shape):
    """What may be said about an incident."""

    name: Annotated[Title | None, Blankable] = None
    status: Annotated[IncidentState | None, Blankable] = Field(
        None, description="Without one a new incident is `investigating` and an old one keeps its own."
    )
    impact_override: Annotated[ImpactWord | None, Blankable] = Field(
        None, description="Null: as the components make it."
    )
    body: Annotated[Words | None, Blankable] = Field(None, description="Becomes the next update, as Markdown.")
    message: Annotated[Words | None, Blankable] = Field(None, description="An old name of `body`.")
    components: dict[str, State] | list[str] | None = Field(
        None, description="States from now on by component id; a list of ids is taken as `component_ids`."
    )
    component_ids: list[str] | None = Field(None, description="Components that this concerns, as they are.")
    deliver_notifications: Flag = Field(None, description="False: say it on the page and tell nobody.")
    metadata: dict[str, dict[str, Any]] | None = None
    reminder_intervals: Annotated[Intervals | None, Blankable] = None
    backfilled: Flag = Field(None, description="True: history that is over; nobody is told, no components.")
    backfill_date: Annotated[Moment | None, Blankable] = None
    scheduled_for: Annotated[Moment | None, Blankable] = Field(
        None, description="Refused with 422: maintenances cannot be scheduled yet."
    )
    scheduled_until: Annotated[Moment | None, Blankable] = None
    scheduled_remind_prior: Flag = None
    scheduled_auto_in_progress: Flag = None
    scheduled_auto_completed: Flag = None
    scheduled_auto_transition: Flag = None
    auto_transition_to_maintenance_state: Flag = None
    auto_transition_to_operational_state: Flag = None
    auto_transition_deliver_notifications_at_start: Flag = None
    auto_transition_deliver_notifications_at_end: Flag = None
    auto_tweet_at_beginning: Flag = None
    auto_tweet_on_completion: Flag = None
    auto_tweet_on_creation: Flag = None
    auto_tweet_one_hour_before: Flag = None


class NewIncidentAttributes(IncidentAttributes):
    """As for every incident; a new one needs a name."""

    name: Title


class NewIncident(Shape):
    """A new incident."""

    incident: NewIncidentAttributes


class IncidentChange(Shape):
    """What becomes of an incident. Status, body or components make an update of it."""

    incident: IncidentAttributes


class ComponentAttributes(Shape):
    """What a component is, and how it is doing."""

    name: Annotated[Name | None, Blankable] = None
    description: Description | None = None
    status: State | None = None
    group_id: Annotated[str | None, Blankable] = Field(None, description="Null takes it out of its group.")
    showcase: Flag = None
    only_show_if_degraded: Flag = None
    start_date: Annotated[Day | None, Blankable] = None


class NewComponentAttributes(ComponentAttributes):
    """As for every component; a new one needs a name."""

    name: Name


class NewComponent(Shape):
    """A new component."""

    component: NewComponentAttributes


class ComponentChange(Shape):
    """What becomes of a component."""

    component: ComponentAttributes


class GroupAttributes(Shape):
    """A heading and who stands under it."""

    name: Annotated[Name | None, Blankable] = None
    description: Description | None = None
    components: Annotated[list[str], Field(min_length=1)] | None = None


class NewGroupAttributes(GroupAttributes):
    """As for every group; a new one needs a name and components."""

    name: Name
    components: Annotated[list[str], Field(min_length=1)]


class NewGroup(Shape):
    """A new component group; the description may stand inside or beside it."""

    component_group: NewGroupAttributes
    description: Description | None = None


class GroupChange(Shape):
    """What becomes of a component group."""

    component_group: GroupAttributes
    description: Description | None = None


class PageAttributes(Shape):
    """What may be changed about the page; other documented attributes are accepted and have no effect here."""

    name: Annotated[Name | None, Blankable] = None
    page_description: Description | None = None
    support_url: Annotated[str, Field(max_length=500)] | None = None
    time_zone: Annotated[str, Field(max_length=64)] | None = None
    notifications_email_footer: Description | None = None
    hidden_from_search: Flag = Field(None, description="True is refused with 422: this page is public.")
    viewers_must_be_team_members: Flag = Field(None, description="True is refused with 422: this page is public.")


class PageChange(Shape):
    """What becomes of the page."""

    page: PageAttributes


class SubscriberAttributes(Shape):
    """Who wants to hear, and of what: one of `email`, `phone_number` or `endpoint`."""

    email: Annotated[Annotated[str, Field(max_length=254)] | None, Blankable] = None
    endpoint: Annotated[Annotated[str, Field(max_length=2000)] | None, Blankable] = None
    phone_number: Annotated[Annotated[str, Field(max_length=40)] | None, Blankable] = None
    phone_country: Annotated[Annotated[str, Field(max_length=2)] | None, Blankable] = Field(
        None, description="Two letters; US unless given."
    )
    skip_confirmation_notification: Flag = Field(
        None, description="True: you have their consent in writing; they count as confirmed, and who said so is kept."
    )
    component_ids: Annotated[list[str], Field(min_length=1)] | None = None
    page_access_user: Annotated[str | None, Blankable] = None


class NewSubscriber(Shape):
    """A new subscriber."""

    subscriber: SubscriberAttributes


class SubscriberChange(Shape):
    """What a subscriber hears about from now on."""

    component_ids: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="Left out: everything on the page."
    )


class PublicSubscriberAttributes(Shape):
    """Who signs up, as anybody may."""

    email: Annotated[Annotated[str, Field(max_length=254)] | None, Blankable] = None
    endpoint: Annotated[Annotated[str, Field(max_length=2000)] | None, Blankable] = None
    phone_number: Annotated[Annotated[str, Field(max_length=40)] | None, Blankable] = None
    phone_country: Annotated[Annotated[str, Field(max_length=2)] | None, Blankable] = None
    component_id: Annotated[str | None, Blankable] = None
    component_ids: Annotated[list[str], Field(min_length=1)] | None = None
    incident: Annotated[str | None, Blankable] = None
    incident_id: Annotated[str | None, Blankable] = None


class PublicSubscriber(Shape):
    """A wish to be told; the owner of the address is asked to confirm it."""

    subscriber: PublicSubscriberAttributes


Whole = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Paging(Shape):
    """Which part of a list; pages are counted from 1."""

    page: Whole = Field(1, description="Counted from 1; 0 is the first too.")
    per_page: Annotated[int, Field(ge=1, le=2**31 - 1)] = Field(100, description="100 at most; more is read as 100.")


class IncidentPaging(Shape):
    """Which part of the incidents; pages are counted from 1."""

    q: Annotated[str, Field(max_length=500)] = Field("", description="Text in name, status or updates.")
    page: Whole = Field(1, description="Counted from 1; 0 is the first too.")
    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] = Field(100, description="100 at most; more is read as 100.")


class SubscriberFilter(Shape):
    """Which subscribers."""

    type: Mode | None = None
    state: Literal["active", "unconfirmed", "quarantined", "all"] = "active"


class SubscriberPaging(SubscriberFilter):
    """Which part of the subscribers; pages are counted from 0."""

    q: Annotated[str, Field(max_length=500)] = Field("", description="Text in the address.")
    page: Whole = Field(0, description="Counted from 0.")
    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] = Field(100, description="100 at most; more is read as 100.")
    sort_field: Literal["primary", "created_at", "quarantined_at", "relevance"] = "primary"
    sort_direction: Literal["asc", "desc"] = "asc"


class Leaving(Shape):
    """How somebody is unsubscribed."""

    skip_unsubscription_notification: Annotated[bool | None, Blankable] = Field(
        None, description="Nobody is told in either case."
    )


def read(model: type[Model], tree: Mapping[str, Any], is_form: bool) -> Model:
    """The tree in this shape; raises Invalid with every field that is not as it should be.

    JSON says exactly what it means; in a form everything is text, and is taken for what it spells.
    """
    try:
        if is_form:
            return model.model_validate(tree, context={_FORM: True})
        return model.model_validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        raise Invalid(_problems(error)) from None


def _problems(error: ValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in error.errors(include_url=False, include_input=False, include_context=True):
        # Branches of a union are named like types, with brackets; what clients sent is not.
        path = ".".join(str(step)[:40] for step in each["loc"] if not re.search(r"[\[(]", str(step)))
        known = each["type"] in _SENTENCES
        sentence = _SENTENCES[each["type"]] if known else each["msg"].removeprefix("Value error, ")
        found.setdefault(path[:120], sentence[:300])
        if len(found) >= 50:
            break
    return found
