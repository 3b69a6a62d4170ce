import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text as sql

from statuspage import components, pages, publishing, schema, settings as settings_module, subscriptions, urls
from statuspage.cadence.policies import cadence_for
from statuspage.cadence.policy import DEFAULTS
from statuspage.db import Base, db
from statuspage.drafts import DEFAULT_TYPE, IncidentDraft, UpdateDraft
from statuspage.errors import Conflict
from statuspage.models import Component, Incident, Page, Role, Subscriber
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import ComponentStatus, IncidentStatus, Severity, StaffRole
from tests.conftest import BY, NOON
from wsgi import create_app

OLDER = f"{int(schema.newest()) - 1:04}"


@pytest.fixture
def empty(tmp_path, empty_database):
    """An app on a database that has nothing yet."""
    app = create_app(settings_module.load(instance_dir=tmp_path / "instance", log_level="error"))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def copies():
    return sorted(urls.settings().instance_dir.glob("*.before-*"))


def make_old():
    """As if the file came from a version before this one; its upgrade fails, as what it adds is there already."""
    db.session.execute(sql(f"UPDATE alembic_version SET version_num = '{OLDER}'"))
    db.session.commit()
    db.session.remove()


def test_fresh_database_has_a_page_policies_and_roles(empty):
    schema.upgrade(NOON)

    page = db.session.scalars(select(Page)).one()
    assert {severity: cadence_for(page, severity) for severity in DEFAULTS} == DEFAULTS
    assert set(db.session.scalars(select(Role.name))) == {role.value for role in StaffRole}


def test_upgrade_twice_is_upgrade_once(empty):
    schema.upgrade(NOON)
    schema.upgrade(NOON + timedelta(days=1))

    assert db.session.scalars(select(Page)).one().created_at == NOON


def test_models_and_migrations_are_the_same(empty):
    schema.upgrade(NOON)
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": schema.is_ours})

        assert compare_metadata(context, Base.metadata) == []


def test_indexes_are_those_of_the_models(empty):
    schema.upgrade(NOON)
    found = {
        index["name"]
        for name in inspect(db.engine).get_table_names()
        if schema.is_ours(name, "table", {})
        for index in inspect(db.engine).get_indexes(name)
        if "duplicates_constraint" not in index
    }

    assert found == {index.name for table in Base.metadata.sorted_tables for index in table.indexes}


def test_way_back_leads_to_nothing(empty):
    schema.upgrade(NOON)
    command.downgrade(schema._config(), "base")

    left = [name for name in inspect(db.engine).get_table_names() if schema.is_ours(name, "table", {})]
    assert left == ["alembic_version"]


def test_addresses_that_are_keys_are_sealed_on_the_way_and_opened_on_the_way_back(empty):
    schema.upgrade(NOON)
    hook, ada = "https://hooks.slack.com/services/T0/B0/abc", "ada@example.com"
    for channel, address in (("slack", hook), ("email", ada)):
        subscriptions.add_attested(pages.first(), channel, address, Wishes(), BY, "test", NOON)
    db.session.remove()

    def kept():
        with db.engine.connect() as connection:
            return dict(connection.execute(sql("SELECT address, address_key FROM subscriber")).all())

    command.downgrade(schema._config(), "0007")
    before = kept()
    command.upgrade(schema._config(), "head")
    after = kept()

    assert before == {hook: hook, ada: ada}
    assert after[ada] == ada
    assert hook not in str(after)
    assert subscriptions.find(pages.first(), "slack", hook).address == hook


def test_promises_that_updates_made_become_things_of_their_own_and_go_back(empty):
    schema.upgrade(NOON)
    page, hour = pages.first(), timedelta(hours=1)

    def opened(title, *later):
        first = UpdateDraft(IncidentStatus.INVESTIGATING, "Looking.")
        made = publishing.open_incident(page, IncidentDraft(title, DEFAULT_TYPE, Severity.SEV2, first), BY, NOON)
        for number, after in enumerate(later):
            publishing.post_update(made, UpdateDraft(IncidentStatus.IDENTIFIED, f"Known {number}."), BY, NOON + after)
        return made

    opened("Late", 2 * hour)
    publishing.hide(opened("Hidden", hour), BY, NOON + hour)
    db.session.remove()

    def kept():
        columns = "incident_id, update_id, made_at, due_at, outcome, settled_at, late_by, is_first"
        with db.engine.connect() as connection:
            return connection.execute(sql(f"SELECT {columns} FROM promise ORDER BY id")).all()

    before = kept()
    command.downgrade(schema._config(), "0008")
    with db.engine.connect() as connection:
        old = connection.execute(sql("SELECT promise_outcome FROM incident_update ORDER BY id")).scalars().all()
    command.upgrade(schema._config(), "head")

    assert [row.outcome for row in before] == ["late", None, "kept", "withdrawn"]
    assert sorted(map(str, old)) == ["None", "kept", "late", "withdrawn"]
    assert sorted(kept(), key=str) == sorted(before, key=str)


def test_fresh_start_makes_no_copy(empty):
    schema.upgrade(NOON)

    assert copies() == []


@pytest.mark.sqlite
def test_older_file_is_copied_before_it_is_changed(empty):
    schema.upgrade(NOON)
    make_old()
    with pytest.raises(Exception, match=r"already exists|duplicate"):
        schema.upgrade(NOON)

    [copy] = copies()
    assert copy.name == "candor.before-20260302T120000.db"
    assert copy.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(copy) as kept:
        assert kept.execute("SELECT version_num FROM alembic_version").fetchone() == (OLDER,)
    kept.close()


def test_what_a_newer_candor_wrote_is_left_as_it_is(empty):
    schema.upgrade(NOON)
    db.session.execute(sql("UPDATE alembic_version SET version_num = '9999'"))
    db.session.commit()
    with pytest.raises(Conflict, match="another Candor"):
        schema.upgrade(NOON)

    assert copies() == []
    assert schema.current() == "9999"


def test_newest_few_copies_are_kept(empty):
    schema.upgrade(NOON)
    make_old()
    for day in range(7):
        with pytest.raises(Exception, match=r"already exists|duplicate"):
            schema.upgrade(NOON + timedelta(days=day))

    assert [copy.name[14:22] for copy in copies()] == ["20260304", "20260305", "20260306", "20260307", "20260308"]


def test_two_who_upgrade_at_once_make_one_schema(empty):
    failures = []

    def upgrade():
        with empty.app_context():
            try:
                schema.upgrade(NOON)
            except Exception as error:
                failures.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(db.session.scalars(select(Page)).all()) == 1


def test_upgrade_that_fails_halfway_leaves_the_file_as_it_was(empty):
    schema.upgrade(NOON)
    tables = inspect(db.engine).get_table_names()
    make_old()
    with pytest.raises(Exception, match=r"already exists|duplicate"):
        schema.upgrade(NOON)

    assert inspect(db.engine).get_table_names() == tables
    assert not schema.is_current()


def test_instants_without_a_zone_are_refused(empty):
    schema.upgrade(NOON)
    db.session.add(Page(name="x", confirmed_at=NOON.replace(tzinfo=None), created_at=NOON, updated_at=NOON))

    with pytest.raises(Exception, match="must be aware"):
        db.session.flush()


def test_word_outside_the_vocabulary_cannot_be_stored(empty):
    schema.upgrade(NOON)
    db.session.add(Component(page_id=1, name="x", status="exploded", status_changed_at=NOON, created_at=NOON))

    with pytest.raises(Exception, match="exploded"):
        db.session.flush()


@pytest.mark.sqlite
@pytest.mark.parametrize(("pragma", "value"), [("foreign_keys", 1), ("synchronous", 2), ("journal_mode", "wal")])
def test_sqlite_is_durable_and_strict(empty, pragma, value):
    schema.upgrade(NOON)

    assert db.session.scalar(sql(f"PRAGMA {pragma}")) == value


def test_what_is_there_survives_the_way_back_and_forth(empty, empty_database):
    schema.upgrade(NOON)
    page = db.session.scalars(select(Page)).one()
    api = components.add(page, "API", BY, NOON)
    ada = subscriptions.add_attested(page, "email", "ada@example.com", Wishes((api,)), BY, "test", NOON)
    long = f"https://hooks.example.com/{'x' * 400}"
    subscriptions.add_attested(page, "webhook", long, Wishes(), BY, "test", NOON, "ops@example.org")
    kept = ada.public_id
    db.session.remove()

    command.downgrade(schema._config(), "0003")
    with db.engine.connect() as connection:
        assert connection.execute(sql("SELECT address FROM subscriber")).all() == [("ada@example.com",)]
        if db.engine.dialect.name == "sqlite":
            assert empty_database != "sqlite" or connection.execute(sql("PRAGMA foreign_keys")).scalar() == 1
    command.upgrade(schema._config(), "head")

    found = db.session.scalars(select(Subscriber)).one()
    assert (found.public_id, found.contact, found.secret_version) == (kept, "", 1)
    assert [row.component.name for row in found.subscriptions] == ["API"]
    assert db.session.scalars(select(Page)).one().public_channels == ["email", "sms", "webhook", "slack", "teams"]


@pytest.mark.sqlite
def test_a_filled_database_goes_back_and_forth(empty):
    schema.upgrade(NOON)
    page = pages.first()
    api = components.add(page, "API", BY, NOON, group="Platform")
    first = UpdateDraft(IncidentStatus.INVESTIGATING, "We are looking.", {api: ComponentStatus.MAJOR_OUTAGE})
    publishing.open_incident(page, IncidentDraft("Payments fail", DEFAULT_TYPE, Severity.SEV3, first), BY, NOON)
    db.session.remove()
    command.downgrade(schema._config(), "0001")
    schema.upgrade(NOON)

    assert db.session.execute(sql("PRAGMA foreign_key_check")).all() == []
    assert db.session.execute(sql("PRAGMA foreign_keys")).scalar() == 1
    assert publishing.affected(db.session.scalars(select(Incident)).one())


def test_the_steps_are_one_line_and_each_file_is_named_by_its_own():
    script = ScriptDirectory.from_config(schema._config())
    steps = list(script.walk_revisions())

    assert [Path(each.path).name.split("_")[0] for each in steps] == [each.revision for each in steps]
    assert script.get_heads() == [schema.newest()]
    assert all(schema.knows(each.revision) for each in steps)
    assert not schema.knows("9999")
