"""The monthly report as plain lines: what the mail shows and what its text says come from the same words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..channels import label_of
from ..clock import day_text, moment_text, span_words
from .arithmetic import Spread
from .compliance import Group, Tally
from .facts import ChannelFacts, IncidentFacts
from .figures import Figures
from .incidents import Measure, first_word
from .targets import Standing
from .words import after, down, percent, target, up

MOST_INCIDENTS = 20
OF_SEVERAL = "An incident that touches several components counts for each of them."


@dataclass(frozen=True)
class Row:
    """One line: what it is about, the figure, and what belongs to it. `bar`, where there is one, is a share to draw."""

    name: str
    value: str
    detail: str = ""
    bar: float | None = None
    is_bad: bool = False


@dataclass(frozen=True)
class Section:
    """Lines under a heading, and a remark below them."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True)
class Report:
    """A month in figures. `headline` says it in one sentence."""

    month: str
    headline: str
    sections: tuple[Section, ...]
    as_of: str


def report(figures: Figures) -> Report:
    """What is said of the month."""
    sections = [Section("At a glance", tuple(_glance(figures)))]
    if figures.promises.tally.made:
        sections.append(_promises(figures))
        sections += _groups("Promises kept by severity", figures.promises.by_severity)
        sections += _groups("Promises kept by component", figures.promises.by_component, OF_SEVERAL)
    if figures.uptimes:
        sections.append(_uptime(figures))
    if figures.channels or figures.tides:
        sections.append(Section("Messages and subscribers", tuple(_messages(figures))))
    if figures.incidents:
        sections.append(_incidents(figures))
    return Report(figures.period.label, _headline(figures), tuple(sections), moment_text(figures.as_of, figures.zone))


def _headline(figures: Figures) -> str:
    count, tally = figures.frequency.total, figures.promises.tally
    began = "No incident began" if not count else f"{count} incident{' began' if count == 1 else 's began'}"
    kept = f", and {tally.kept} of {tally.due} promised updates came in time" if tally.due else ""
    missed = sum(each.is_met is False for each in figures.uptimes)
    targets = f" {missed} uptime target{' was' if missed == 1 else 's were'} missed." if missed else ""
    return f"{began} in {figures.period.label}{kept}.{targets}"


def _glance(figures: Figures) -> Iterator[Row]:
    tally, first = figures.promises.tally, figures.first_words.all
    yield Row("Incidents", str(figures.frequency.total))
    yield Row("Promises kept", percent(tally.share), _of_due(tally), is_bad=bool(tally.broken))
    yield _spread("First public word, median", first.median if first else None, first)
    yield _measure("Time to detect (MTTD), mean", figures.detecting)
    yield _measure("Time to acknowledge (MTTA), mean", figures.acknowledging)
    yield _measure("Time to resolve (MTTR), mean", figures.repairing)
    if figures.changes.classified:
        yield Row(
            "Caused by a deployment", percent(figures.changes.share),
            f"{figures.changes.caused} of {figures.changes.classified} whose type somebody chose",
        )  # fmt: skip


def _promises(figures: Figures) -> Section:
    tally, late = figures.promises.tally, figures.promises.lateness
    counts = (
        ("Kept", tally.kept), ("Late", tally.late), ("Overdue still", tally.overdue), ("Not due yet", tally.pending),
        ("Withdrawn", tally.withdrawn), ("Moved in time", tally.replaced),
    )  # fmt: skip
    rows = [Row(name, str(count)) for name, count in counts if count or name in ("Kept", "Late")]
    if late:
        rows += [Row("Late by, median", after(late.median)), Row("Late by, longest", after(late.longest))]
    return Section("Promises", tuple(rows))


def _groups(title: str, groups: Sequence[Group], note: str = "") -> list[Section]:
    rows = tuple(_group(each) for each in groups if each.tally.due)
    return [Section(title, rows, note if len(rows) > 1 else "")] if rows else []


def _group(group: Group) -> Row:
    return Row(group.name, percent(group.tally.share), _of_due(group.tally), is_bad=bool(group.tally.broken))


def _uptime(figures: Figures) -> Section:
    note = "Partial outages count for 30 % of their length, maintenance does not count."
    return Section("Uptime against targets", tuple(_component(each, figures.zone) for each in figures.uptimes), note)


def _component(standing: Standing, zone: str) -> Row:
    fell = f"down {down(standing.uptime.down)}"
    if not standing.is_whole:
        return Row(standing.name, up(None), f"on record since {day_text(standing.since, zone)}; {fell} since then")
    if standing.budget is None:
        return Row(standing.name, up(standing.share), f"no target; {fell}")
    allowed = after(standing.budget.total_seconds())
    detail = f"target {target(standing.component.target)}; {fell} of {allowed} allowed, {percent(standing.used)} used"
    return Row(standing.name, up(standing.share), detail, standing.used, is_bad=not standing.is_met)


def _messages(figures: Figures) -> Iterator[Row]:
    for each in figures.channels:
        yield Row(label_of(each.channel), f"{each.reached:,} of {each.owed - each.spared:,} reached", _speed(each))
    tide = figures.tide
    if figures.tides:
        stopped = f"{tide.stopped:,} quarantined" if tide.stopped else ""
        yield Row("Subscribers during incidents", f"{tide.won:,} won, {tide.lost:,} lost", stopped)


def _speed(channel: ChannelFacts) -> str:
    if not channel.curve.total:
        return ""
    return f"half after {after(channel.curve.until(0.5))}, 95 % after {after(channel.curve.until(0.95))}"


def _incidents(figures: Figures) -> Section:
    shown = figures.incidents[-MOST_INCIDENTS:]
    rest = len(figures.incidents) - len(shown)
    note = f"The last {len(shown)}; {rest} more are in the panel." if rest else ""
    return Section("Incidents", tuple(_incident(each, tally, figures.zone) for each, tally in shown), note)


def _incident(incident: IncidentFacts, tally: Tally, zone: str) -> Row:
    lasted = span_words(incident.resolved_at - incident.started_at) if incident.resolved_at else "still open"
    said = first_word(incident)
    word = f"; first public word after {span_words(said[1])}" if said else ""
    promises = f"; {tally.kept} of {tally.due} promises kept" if tally.due else ""
    detail = f"{incident.severity.label}, began {moment_text(incident.started_at, zone)}{word}{promises}"
    return Row(incident.title, lasted, detail, is_bad=bool(tally.broken))


def _of_due(tally: Tally) -> str:
    return f"{tally.kept} of {tally.due} that fell due" if tally.due else "none fell due"


def _measure(name: str, measure: Measure) -> Row:
    return _spread(name, measure.spread.mean if measure.spread else None, measure.spread)


def _spread(name: str, seconds: float | None, of: Spread | None) -> Row:
    return Row(name, after(seconds), f"of {of.count} recorded" if of else "")
