"""The catalog's statements, built once: SQLAlchemy Core, compiled by whichever database runs them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text, and_, bindparam, cast, exists, func, literal_column, not_, or_, select, text

from pushwarden.adapters.tables_control import (
    api_key,
    app,
    app_version,
    callback,
    callback_delivery,
    callback_message,
    callback_place,
    callback_waiting,
    credential,
    credential_health,
    credential_notice,
    credential_probe,
    credential_request,
    hold,
    mail,
    organisation,
    ramp,
    snapshot,
    stop,
)
from pushwarden.adapters.tables_people import invitation, passkey, person, person_role, session


def _p(name: str) -> Any:
    return bindparam(name)


def _versioned(table: Any, *keys: str) -> Any:
    """An update of every column where the row is one version below."""
    same = [table.c[name] == bindparam(f"key_{name}") for name in keys]
    return table.update().where(*same, table.c.version == bindparam("below")).returning(table.c.version)


_APP = and_(app.c.organisation == _p("organisation"), app.c.id == _p("id"))
_CREDENTIAL = and_(
    credential.c.organisation == _p("organisation"), credential.c.app == _p("app"), credential.c.id == _p("id")
)

ORGANISATION_GET = select(organisation).where(organisation.c.id == _p("id"))
ORGANISATION_ALL = select(organisation).order_by(organisation.c.id)
ORGANISATION_UPDATE = _versioned(organisation, "id")
PERSON_GET = select(person).where(person.c.id == _p("id"))
PERSON_BY_EMAIL = select(person).where(person.c.email == _p("email"))
PERSON_ALL = select(person).order_by(person.c.name, person.c.id)
PERSON_UPDATE = _versioned(person, "organisation", "id")
PERSON_DELETE = person.delete().where(person.c.id == _p("id"))
PERSON_SEEN = (
    person.update()
    .where(person.c.id == _p("one"), func.coalesce(person.c.last_seen_at, 0) < _p("at"))
    .values(last_seen_at=_p("at"))
)
_OWN = person_role.c.person == _p("person")
ROLE_OF = select(person_role).where(_OWN).order_by(person_role.c.scope, person_role.c.role)
ROLE_ALL = select(person_role).order_by(person_role.c.scope, person_role.c.role)
ROLE_CLEAR = person_role.delete().where(_OWN)
_PREFIX = cast(_p("prefix"), Text)
ROLE_FORGET = person_role.delete().where(
    func.substr(person_role.c.scope, literal_column("1"), func.length(_PREFIX)) == _PREFIX
)
PASSKEY_GET = select(passkey).where(passkey.c.id == _p("id"))
PASSKEY_OF = select(passkey).where(passkey.c.person == _p("person")).order_by(passkey.c.created_at, passkey.c.id)
PASSKEY_DELETE = passkey.delete().where(passkey.c.id == _p("id"))
PASSKEY_CLEAR = passkey.delete().where(passkey.c.person == _p("person"))
SESSION_GET = select(session).where(session.c.id == _p("id"))
SESSION_ALL = select(session).order_by(session.c.seen_at.desc(), session.c.id)
SESSION_DELETE = session.delete().where(session.c.id == _p("id"))
SESSION_CLEAR = session.delete().where(session.c.person == _p("person"))
SESSION_SEEN = session.update().where(session.c.id == _p("one"), session.c.seen_at < _p("at")).values(seen_at=_p("at"))
INVITATION_GET = select(invitation).where(invitation.c.id == _p("id"))
INVITATION_ALL = select(invitation).order_by(invitation.c.created_at.desc(), invitation.c.id)
INVITATION_DELETE = invitation.delete().where(invitation.c.id == _p("id"))
INVITATION_CLEAR = invitation.delete().where(invitation.c.person == _p("person"))
_KEPT = app.c.deleted_at == literal_column("0")
APP_ANY = select(app).where(_APP)
APP_GET = APP_ANY.where(_KEPT)
APP_ALL = select(app).where(_KEPT).order_by(app.c.organisation, app.c.id)
APP_OF = APP_ALL.where(app.c.organisation == _p("organisation"))
APP_BIN = select(app).where(not_(_KEPT)).order_by(app.c.organisation, app.c.id)
APP_UPDATE = _versioned(app, "organisation", "id")
APP_DELETE = app.delete().where(_APP)
CREDENTIAL_GET = select(credential).where(_CREDENTIAL)
CREDENTIAL_OF = (
    select(credential)
    .where(
        credential.c.organisation == _p("organisation"),
        credential.c.app == _p("app"),
        credential.c.environment == _p("environment"),
    )
    .order_by(credential.c.created_at.desc(), credential.c.id)
)
CREDENTIAL_IN_STATE = select(credential).where(
    credential.c.state == _p("state"),
    not_(exists().where(app.c.organisation == credential.c.organisation, app.c.id == credential.c.app, not_(_KEPT))),
)
CREDENTIAL_DELETE = credential.delete().where(_CREDENTIAL)
CREDENTIAL_DELETE_ALL = credential.delete().where(
    credential.c.organisation == _p("organisation"), credential.c.app == _p("app")
)
_OWN_REQUEST = and_(credential_request.c.organisation == _p("organisation"), credential_request.c.app == _p("app"))
REQUEST_GET = select(credential_request).where(_OWN_REQUEST, credential_request.c.id == _p("id"))
REQUEST_ALL = select(credential_request).order_by(credential_request.c.created_at.desc(), credential_request.c.id)
REQUEST_OF = REQUEST_ALL.where(_OWN_REQUEST)
REQUEST_UPDATE = _versioned(credential_request, "organisation", "app", "id")
REQUEST_DELETE = credential_request.delete().where(_OWN_REQUEST, credential_request.c.id == _p("id"))
REQUEST_DELETE_ALL = credential_request.delete().where(_OWN_REQUEST)
_VERSIONS = and_(app_version.c.organisation == _p("organisation"), app_version.c.app == _p("app"))
VERSION_INSERT = app_version.insert()
VERSION_GET = select(app_version).where(_VERSIONS, app_version.c.number == _p("number"))
VERSIONS = (
    select(app_version)
    .where(_VERSIONS, or_(_p("before") == 0, app_version.c.number < _p("before")))
    .order_by(app_version.c.number.desc())
    .limit(_p("limit"))
)
VERSIONS_DELETE = app_version.delete().where(_VERSIONS)
_HEALTH = (
    credential_health.c.organisation == _p("organisation"), credential_health.c.credential == _p("credential")
)  # fmt: skip
HEALTH_GET = select(credential_health).where(*_HEALTH)
HEALTH_ALL = (
    select(credential_health)
    .where(or_(_p("organisation") == "", credential_health.c.organisation == _p("organisation")))
    .order_by(credential_health.c.organisation, credential_health.c.credential)
)
HEALTH_INSERT = credential_health.insert()
HEALTH_DELETE = credential_health.delete().where(*_HEALTH)
HEALTH_FORGET = (
    credential_health.delete()
    .where(
        credential_health.c.organisation == _p("organisation"),
        credential_health.c.app == _p("app"),
        or_(_p("credential") == "", credential_health.c.credential == _p("credential")),
    )
    .returning(credential_health.c.credential)
)
NOTICES = select(credential_notice).where(
    or_(_p("organisation") == "", credential_notice.c.organisation == _p("organisation"))
)
_NOTICE = (
    credential_notice.c.organisation == _p("organisation"), credential_notice.c.credential == _p("credential")
)  # fmt: skip
NOTICE_INSERT = credential_notice.insert()
NOTICE_DELETE = credential_notice.delete().where(*_NOTICE, credential_notice.c.what == _p("what"))
NOTICE_FORGET = credential_notice.delete().where(*_NOTICE)
MAILS = select(mail).order_by(mail.c.since, mail.c.id)
MAIL_INSERT = mail.insert()
MAIL_DELETE = mail.delete().where(mail.c.id == _p("id"))
KEY_GET = select(api_key).where(api_key.c.organisation == _p("organisation"), api_key.c.id == _p("id"))
KEY_ALL = select(api_key).order_by(api_key.c.created_at.desc(), api_key.c.id)
KEY_UPDATE = _versioned(api_key, "organisation", "id")
KEY_USED = (
    api_key.update()
    .where(api_key.c.id == _p("key_id"), func.coalesce(api_key.c.last_used_at, 0) < _p("at"))
    .values(last_used_at=_p("at"))
)
SNAPSHOT_GET = select(snapshot.c.body)
SNAPSHOT_VERSION = select(snapshot.c.version)
STATE_NEXT = text(
    "INSERT INTO state (id, version) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET version = state.version + 1"
)
STATE_VERSION = "SELECT version FROM state"
STOPS = (
    select(stop)
    .where(
        or_(_p("organisation") == "", stop.c.organisation.in_((_p("organisation"), ""))),
        or_(_p("open_only") == 0, stop.c.resumed_at.is_(None)),
    )
    .order_by(stop.c.stopped_at.desc(), stop.c.id)
    .limit(_p("limit"))
)
STOP_GET = select(stop).where(stop.c.id == _p("id"))
_OWN_CALLBACK = and_(callback.c.organisation == _p("organisation"), callback.c.app == _p("app"))
CALLBACK_GET = select(callback).where(_OWN_CALLBACK, callback.c.id == _p("id"))
CALLBACK_OF = select(callback).where(_OWN_CALLBACK).order_by(callback.c.created_at, callback.c.id)
CALLBACK_ALL = select(callback).order_by(callback.c.created_at, callback.c.id)
CALLBACK_INSERT = callback.insert()
CALLBACK_UPDATE = _versioned(callback, "organisation", "app", "id")
CALLBACK_DELETE = callback.delete().where(_OWN_CALLBACK, callback.c.id == _p("id"))


def _of_callback(table: Any) -> Any:
    return and_(table.c.organisation == _p("organisation"), table.c.callback == _p("callback"))


COURSE_TABLES = (callback_place, callback_waiting, callback_message, callback_delivery)
COURSE_DELETE = tuple(table.delete().where(_of_callback(table)) for table in COURSE_TABLES)
PLACES = select(callback_place.c.source, callback_place.c.number).where(_of_callback(callback_place))
PLACE_DELETE = callback_place.delete().where(_of_callback(callback_place), callback_place.c.source == _p("source"))
PLACE_INSERT = callback_place.insert()
WAITING = select(callback_waiting.c.push).where(_of_callback(callback_waiting)).order_by(callback_waiting.c.push)
WAIT = callback_waiting.insert()
SEEN = callback_waiting.delete().where(_of_callback(callback_waiting), callback_waiting.c.push == _p("push"))
MESSAGES = (
    select(callback_message)
    .where(_of_callback(callback_message))
    .order_by(callback_message.c.since, callback_message.c.id)
)
MESSAGE_INSERT = callback_message.insert()
MESSAGE_DELETE = (
    callback_message.delete()
    .where(_of_callback(callback_message), callback_message.c.id == _p("id"))
    .returning(callback_message.c.id)
)
DELIVERIES = (
    select(callback_delivery).where(_of_callback(callback_delivery)).order_by(callback_delivery.c.number.desc())
)
DELIVERY_LAST = select(func.coalesce(func.max(callback_delivery.c.number), 0).label("number")).where(
    _of_callback(callback_delivery)
)
DELIVERY_INSERT = callback_delivery.insert()
DELIVERY_FORGET = callback_delivery.delete().where(
    _of_callback(callback_delivery), callback_delivery.c.number <= _p("up_to")
)
HOLD_GET = select(hold).where(hold.c.id == _p("id"))
STOP_DELETE = stop.delete().where(stop.c.id == _p("id"))
RAMP_GET = select(ramp).where(ramp.c.id == _p("id"))
RAMP_DELETE = ramp.delete().where(ramp.c.id == _p("id"))
RAMPS_OPEN = (
    select(ramp)
    .where(
        ramp.c.ended_at.is_(None),
        or_(_p("organisation") == "", ramp.c.organisation.in_((_p("organisation"), ""))),
    )
    .order_by(ramp.c.started_at.desc(), ramp.c.id)
)
HOLD_DELETE = hold.delete().where(hold.c.id == _p("id"))
_HOLDS = (
    or_(_p("organisation") == "", hold.c.organisation == _p("organisation")),
    or_(_p("open_only") == 0, hold.c.released_at.is_(None)),
)
HOLDS = select(hold).where(*_HOLDS).order_by(hold.c.opened_at.desc(), hold.c.id)
HOLDS_IN_BRIEF = HOLDS.with_only_columns(*(column for column in hold.c if column is not hold.c.evidence))
_OWN_PROBE = and_(credential_probe.c.organisation == _p("organisation"), credential_probe.c.id == _p("id"))
PROBE_GET = select(credential_probe).where(_OWN_PROBE)
PROBE_INSERT = credential_probe.insert()
PROBE_DELETE = credential_probe.delete().where(_OWN_PROBE)
PROBES_OPEN = (
    select(credential_probe)
    .where(credential_probe.c.done_at == 0)
    .order_by(credential_probe.c.asked_at, credential_probe.c.id)
)
PROBE_LAST = (
    select(credential_probe)
    .where(credential_probe.c.organisation == _p("organisation"), credential_probe.c.credential == _p("of_credential"))
    .order_by(credential_probe.c.asked_at.desc(), credential_probe.c.id)
    .limit(1)
)
PROBE_FORGET = (
    credential_probe.delete().where(credential_probe.c.asked_at < _p("before")).returning(credential_probe.c.id)
)
ORGANISATION_INSERT = organisation.insert()
APP_INSERT = app.insert()
CREDENTIAL_INSERT = credential.insert()
PERSON_INSERT = person.insert()
ROLE_INSERT = person_role.insert()
PASSKEY_INSERT = passkey.insert()
SESSION_INSERT = session.insert()
INVITATION_INSERT = invitation.insert()
REQUEST_INSERT = credential_request.insert()
KEY_INSERT = api_key.insert()
SNAPSHOT_INSERT = snapshot.insert()
SNAPSHOT_DELETE = snapshot.delete()
STOP_INSERT = stop.insert()
RAMP_INSERT = ramp.insert()
HOLD_INSERT = hold.insert()
