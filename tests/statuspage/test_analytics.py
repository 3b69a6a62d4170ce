"""The arithmetic of figures: small histories, worked out by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from statuspage.analytics.arithmetic import nearest_rank, share, spread
from statuspage.analytics.compliance import NO_COMPONENT, NO_LEAD, compliance
from statuspage.analytics.facts import History, IncidentFacts, Move, Moves, PromiseFacts
from statuspage.analytics.figures import figures
from statuspage.analytics.incidents import Origin, change_failures, detecting, first_words, frequency, repairing
from statuspage.analytics.people import Tide, tides
from statuspage.analytics.periods import Period
from statuspage.vocabulary import IncidentType, PromiseOutcome, Severity
from tests.conftest import NOON

KEPT, LATE, WITHDRAWN, REPLACED = PromiseOutcome
ZONE = "Europe/Berlin"  # an hour ahead of UTC in March


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def incident(name: str = "a", began: datetime = NOON, **facts) -> IncidentFacts:
    usual: dict[str, Any] = {
        "public_id": name,
        "title": f"Incident {name}",
        "severity": Severity.SEV2,
        "type": IncidentType.OUTAGE,
        "started_at": began,
        "created_at": began,
        "detected_at": began,
        "first_public_at": began,
    }
    return IncidentFacts(**(usual | facts))


def promise(of: IncidentFacts, due: float, outcome: PromiseOutcome | None, settled: float | None = None):
    at = NOON + minutes(settled) if settled is not None else None
    return PromiseFacts(of, NOON + minutes(due), outcome, at)


def history(*incidents: IncidentFacts, now: datetime = NOON + timedelta(hours=5), **facts) -> History:
    usual: dict[str, Any] = {"period": Period.DAYS_30, "zone": ZONE, "known_since": NOON - timedelta(days=90)}
    return History(now=now, incidents=incidents, **(usual | facts))


class TestArithmetic:
    @pytest.mark.parametrize(
        ("count", "percent", "rank"),
        [(1, 50, 1), (2, 50, 1), (3, 50, 2), (4, 50, 2), (20, 95, 19), (21, 95, 20), (100, 7, 7), (100, 100, 100)],
    )
    def test_percentile_is_the_value_at_the_nearest_rank(self, count, percent, rank):
        assert nearest_rank(range(1, count + 1), percent) == rank

    def test_spans_amount_to_mean_median_and_edges(self):
        found = spread(minutes(each) for each in (30, 10, 20, 100))

        assert found is not None
        assert (found.count, found.mean, found.median, found.p95, found.longest) == (4, 2400, 1200, 6000, 6000)

    def test_nothing_amounts_to_nothing_and_not_to_zero(self):
        assert (spread([]), share(0, 0)) == (None, None)


class TestPromises:
    """Two incidents: one kept twice and late once, by 12 minutes; the other late by 40, withdrawn once, overdue now."""

    @pytest.fixture
    def found(self):
        api = incident("api", severity=Severity.SEV1, components=("API", "Website"), leads=("Ana",))
        web = incident("web", components=("Website",))
        return compliance(
            history(
                api,
                web,
                promises=(
                    promise(api, 30, KEPT, 25),
                    promise(api, 60, LATE, 72),
                    promise(api, 90, KEPT, 90),
                    promise(web, 60, LATE, 100),
                    promise(web, 160, WITHDRAWN, 110),
                    promise(web, 200, None),
                    promise(web, 600, None),
                ),
            )
        )

    def test_all_together(self, found):
        tally = found.tally

        assert (tally.kept, tally.late, tally.overdue, tally.pending, tally.withdrawn) == (2, 2, 1, 1, 1)
        assert (tally.made, tally.due, tally.broken, tally.share) == (7, 5, 3, 2 / 5)

    def test_how_late(self, found):
        assert (found.lateness.median, found.lateness.longest) == (12 * 60, 40 * 60)
        assert [count for _, count in found.buckets] == [0, 1, 0, 1, 0, 0]

    def test_how_late_it_was_is_what_its_own_row_says(self):
        late = PromiseFacts(incident(), NOON, LATE, NOON + minutes(9), late_by=minutes(7))

        assert compliance(history(incident(), promises=(late,))).lateness.longest == 7 * 60

    def test_by_severity_in_the_order_of_weight(self, found):
        assert [(each.name, each.tally.kept, each.tally.due) for each in found.by_severity] == [
            ("SEV1", 2, 3),
            ("SEV2", 0, 2),
        ]

    def test_what_touches_two_components_counts_for_both(self, found):
        assert [(each.name, each.incidents, each.tally.kept, each.tally.due) for each in found.by_component] == [
            ("Website", 2, 2, 5),
            ("API", 1, 2, 3),
        ]

    def test_by_comms_lead_also_where_there_is_none(self, found):
        assert [(each.name, each.tally.due, each.tally.share) for each in found.by_lead] == [
            ("Ana", 3, 2 / 3),
            (NO_LEAD, 2, 0),
        ]

    def test_by_the_hour_on_the_pages_clock(self, found):
        due = {hour: (each.kept, each.broken) for hour, each in enumerate(found.by_hour) if each.due}

        # 12:30 UTC is 13:30 in Berlin; 13:00 and 13:30 are 14 o'clock there, 15:20 is 16 o'clock.
        assert due == {13: (1, 0), 14: (1, 2), 16: (0, 1)}


def test_a_name_without_promises_has_no_share():
    found = compliance(history(incident()))

    assert [(each.name, each.incidents, each.tally.share, each.lateness) for each in found.by_component] == [
        (NO_COMPONENT, 1, None, None)
    ]


class TestFirstWord:
    def test_it_counts_from_the_start_that_somebody_wrote_down(self):
        found = first_words(history(incident(started_at=NOON - minutes(20))))

        assert found.all is not None
        assert (found.all.median, found.unrecorded, found.inside) == (1200, 0, 0)
        assert dict(found.by_origin) == {Origin.START: found.all, Origin.DECLARATION: None}

    def test_else_from_the_declaration_inside(self):
        found = first_words(history(incident(first_public_at=NOON + minutes(9))))

        assert found.all is not None
        assert (found.all.median, dict(found.by_origin)[Origin.START]) == (540, None)

    def test_declared_by_the_first_word_itself_is_not_recorded_and_not_zero(self):
        found = first_words(history(incident("a"), incident("b", first_public_at=None)))

        assert (found.all, found.unrecorded, found.inside) == (None, 1, 1)


class TestTimes:
    def test_a_start_that_nobody_wrote_down_is_no_quick_detection(self):
        found = detecting(history(incident("a"), incident("b", started_at=NOON - minutes(6))))

        assert found.spread is not None
        assert (found.spread.mean, found.recorded, found.of) == (360, 1, 2)

    def test_what_was_over_at_once_was_only_written_down(self):
        found = repairing(history(
            incident("a", resolved_at=NOON), incident("b", resolved_at=NOON + minutes(50)), incident("c"),
        ))  # fmt: skip

        assert found.spread is not None
        assert (found.spread.mean, found.recorded, found.of) == (3000, 1, 3)

    def test_what_the_model_does_not_keep_is_not_recorded(self):
        assert figures(history(incident())).acknowledging.spread is None


class TestFrequency:
    def test_weeks_begin_on_monday_and_quiet_ones_are_counted(self):
        # NOON is Monday, 2 March 2026.
        found = frequency(history(
            incident("a"), incident("b", NOON + timedelta(days=1)), incident("c", NOON + timedelta(days=15)),
            now=NOON + timedelta(days=16), known_since=NOON - timedelta(days=5),
        ))  # fmt: skip

        assert found.weeks == (
            (date(2026, 2, 23), 0), (date(2026, 3, 2), 2), (date(2026, 3, 9), 0), (date(2026, 3, 16), 1),
        )  # fmt: skip
        assert found.months == ((date(2026, 2, 1), 0), (date(2026, 3, 1), 3))
        assert found.per_week == 1
        assert found.per_month is None

    def test_the_day_is_the_pages_own(self):
        late = datetime(2026, 3, 8, 23, 30, tzinfo=UTC)  # past midnight, and so Monday, in Berlin
        found = frequency(history(incident("a", late), now=late + minutes(5), known_since=late))

        assert found.weeks == ((date(2026, 3, 9), 1),)

    def test_days_before_the_first_record_do_not_make_it_look_rarer(self):
        found = frequency(history(
            incident(), now=NOON + timedelta(days=7), known_since=NOON, period=Period.DAYS_365,
        ))  # fmt: skip

        assert (found.per_week, found.per_month) == (1, None)

    def test_four_months_over_new_year(self):
        begin = datetime(2025, 11, 10, tzinfo=UTC)
        found = frequency(history(known_since=begin, now=datetime(2026, 2, 3, tzinfo=UTC), period=Period.ALL))

        assert [month.month for month, _ in found.months] == [11, 12, 1, 2]


def test_deployments_are_a_share_of_what_somebody_classified():
    found = change_failures(history(
        incident("a", type=IncidentType.DEPLOYMENT), incident("b"), incident("c", is_imported=True),
    ))  # fmt: skip

    assert (found.caused, found.classified, found.share) == (1, 2, 1 / 2)


class TestPeople:
    def moves(self, *given):
        return tuple(Moves(NOON + minutes(at), Move(kind), count) for at, kind, count in given)

    def test_from_the_first_word_until_a_day_after_the_end(self):
        over = incident(resolved_at=NOON + minutes(60))
        found = tides(history(over, moves=self.moves(
            (-1, "won", 9), (0, "won", 1), (30, "lost", 2), (60 + 24 * 60 - 1, "stopped", 3), (60 + 24 * 60, "lost", 9),
        )))  # fmt: skip

        assert found == ((over, Tide(won=1, lost=2, stopped=3)),)

    def test_each_move_counts_for_one_incident_the_one_that_was_public_last(self):
        long = incident("long", resolved_at=NOON + timedelta(days=9))
        short = incident("short", NOON + minutes(10), resolved_at=NOON + minutes(20))
        moves = self.moves((5, "won", 1), (15, "lost", 1), (60 * 24 * 5, "lost", 4))
        found = tides(history(long, short, moves=moves))

        assert found == ((short, Tide(lost=1)), (long, Tide(won=1, lost=4)))

    def test_what_was_never_public_moves_nobody(self):
        assert tides(history(incident(first_public_at=None), moves=self.moves((5, "won", 1)))) == ()


def test_an_empty_history_has_no_figures_to_show():
    found = figures(history())

    assert found.is_empty
    assert found.promises.tally.share is found.promises.lateness is found.first_words.all is None
    assert found.repairing.spread is found.detecting.spread is found.everywhere is None
    assert found.changes.share is None
