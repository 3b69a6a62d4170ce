"""Analytics: how soon people heard, which promises were kept, whom the words reached."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from flask import Response, render_template, request

from statuspage import reporting
from statuspage.analytics import messages, reading, words, writing
from statuspage.analytics.arithmetic import DEFINITION
from statuspage.analytics.figures import Figures, figures
from statuspage.analytics.incidents import Origin
from statuspage.analytics.periods import USUAL, Month, Period
from statuspage.analytics.words import after, percent, soon
from statuspage.channels import label_of
from statuspage.clock import utcnow
from statuspage.delivery.messages import Words
from statuspage.errors import Invalid, NotFound
from statuspage.kept import kept
from statuspage.presenting import site_page
from statuspage.uptime import DEFINITION as UPTIME_DEFINITION
from statuspage.vocabulary import StaffRole

from .auth import needs
from .charts import Bars, Columns, bars, columns
from .curves import Chart, chart
from .previews import framed, with_frames
from .views import panel

FORMS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_LATE_MINUTES = ("≤ 5", "≤ 15", "≤ 30", "≤ 60", "≤ 120", "> 120")
# Up to so many days weeks are drawn, beyond them months.
_WEEKS_FOR = timedelta(days=100)
_ORIGINS = {Origin.START: "Since the start, as somebody wrote it down", Origin.DECLARATION: "Since it was declared"}


@panel.get("/analytics")
@needs(StaffRole.VIEWER)
def analytics() -> str:
    """The room, for one period."""
    found = _figures(_period())
    return render_template(
        "admin/analytics.html",
        figures=found,
        periods=list(Period),
        definition=DEFINITION,
        fineness=messages.FINENESS,
        origins=_ORIGINS,
        reached=_reached(found),
        frequency_chart=_frequency(found),
        hours_chart=_hours(found),
        lateness_chart=_lateness(found),
        budget_chart=_budgets(found),
        uptime_definition=UPTIME_DEFINITION,
        words=words,
        percent=percent,
        after=after,
        channel_name=label_of,
    )


@panel.get("/analytics/figures.<form>")
@needs(StaffRole.VIEWER)
def analytics_file(form: str) -> Response:
    """The same figures as a file, CSV or JSON."""
    if form not in FORMS:
        raise NotFound("Figures come as csv or json.")
    period = _period()
    found = _figures(period)
    body = "".join(writing.as_csv(found)) if form == "csv" else writing.as_json(found)
    headers = {"Content-Disposition": f'attachment; filename="analytics-{period.value}.{form}"'}
    return Response(body, headers=headers, content_type=FORMS[form])


@panel.get("/analytics/report")
@needs(StaffRole.VIEWER)
def analytics_report() -> Response:
    """A month's report as it goes out by mail."""
    page, now = site_page(), utcnow()
    known = reporting.months(page, now)
    asked = request.args.get("month", "")
    month, problem = known[0] if known else None, ""
    try:
        month = reporting.find_month(page, asked, now) if asked else month
    except Invalid as error:
        problem = error.problems["month"]
    mail = _mail(month, now) if month and not problem else None
    status = Invalid.http_status if problem else 200
    html = render_template(
        "admin/report.html", months=known, month=month, mail=mail, problem=problem, next=Month.of(now, page.time_zone)
    )
    return with_frames(html, status)


@panel.get("/analytics/report/mail")
@needs(StaffRole.VIEWER)
def analytics_report_mail() -> Response:
    """The mail alone, for a sandboxed frame, or to be printed."""
    page, now = site_page(), utcnow()
    month = reporting.find_month(page, request.args.get("month", ""), now)
    return framed(_mail(month, now)["html"])


def _mail(month: Month, now: datetime) -> Words:
    page = site_page()
    return kept().get(("report", page.id, month), lambda: reporting.words(page, month, now))


def _period() -> Period:
    asked = request.args.get("period", "")
    return Period(asked) if asked in set(Period) else USUAL


def _figures(period: Period) -> Figures:
    page, now = site_page(), utcnow()
    return kept().get(("analytics", page.id, period), lambda: figures(reading.history(page, period, now)))


def _reached(found: Figures) -> tuple[Chart | None, str]:
    """How fast people were reached, drawn and in words."""
    curves = {each.channel: each.curve for each in found.channels}
    words = " ".join(
        f"{label_of(each.channel)}: half of {each.reached:,} reached after {soon(each.curve.until(0.5))}, "
        f"95 % after {soon(each.curve.until(0.95))}."
        for each in found.channels
        if each.curve.total
    )
    return chart(curves, {each.channel: each.owed - each.spared for each in found.channels}), words


def _frequency(found: Figures) -> Columns | None:
    if found.until - found.since <= _WEEKS_FOR:
        names = [f"{week.day} {week:%b}" for week, _ in found.frequency.weeks]
        counts, unit = [count for _, count in found.frequency.weeks], "week"
    else:
        names = [f"{month:%b %y}" for month, _ in found.frequency.months]
        counts, unit = [count for _, count in found.frequency.months], "month"
    most = max(counts, default=0)
    words = f"Incidents by {unit}: {sum(counts)} in all, at most {most} in one {unit}. The table has each number."
    return columns(names, [(count,) for count in counts], {1: f"Incidents that began in the {unit}"}, words)


def _hours(found: Figures) -> Columns | None:
    hours = found.promises.by_hour
    names = [f"{hour:02}:00" for hour in range(len(hours))]
    values = [(each.kept, each.broken) for each in hours]
    broken = [f"{name} ({each.broken} of {each.due})" for name, each in zip(names, hours, strict=True) if each.broken]
    words = f"Promises by the hour in which they fell due. Not kept: {', '.join(broken) or 'none'}."
    return columns(names, values, {1: "Kept", 2: "Not kept"}, words)


def _lateness(found: Figures) -> Columns | None:
    buckets: Mapping[str, int] = dict(found.promises.buckets)
    words = "Late promises by how late they were: " + ", ".join(f"{name}: {count}" for name, count in buckets.items())
    return columns(
        _LATE_MINUTES, [(count,) for count in buckets.values()], {2: "Late promises, by minutes"}, words + "."
    )


def _budgets(found: Figures) -> Bars | None:
    used = [(each.name, each.used) for each in found.uptimes if each.used is not None]
    said = ", ".join(f"{name}: {percent(share)}" for name, share in used)
    return bars(used, f"How much of what its target allows each component has been down. {said}.")
