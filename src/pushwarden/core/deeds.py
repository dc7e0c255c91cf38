"""What the audit calls an action, in a person's words: read after the name of whoever did it."""

from __future__ import annotations

DEEDS = {
    "app.change": "changed the app",
    "app.create": "made the app",
    "app.delete": "deleted the app",
    "app.destroy": "destroyed the app, its week in the bin being over",
    "app.found": "found the app as it was",
    "app.live": "took the app live",
    "app.restore": "restored an earlier version",
    "app.undelete": "put the app back from the bin",
    "callback.change": "changed a callback",
    "callback.create": "added a callback",
    "callback.delete": "deleted a callback",
    "callback.end": "turned a callback off that wants no more",
    "callback.retry": "had a callback tried again",
    "callback.rotate": "gave a callback a new secret",
    "callback.skip": "skipped what a callback did not take",
    "callback.test": "tested a callback",
    "credential.activate": "switched to a credential",
    "credential.answer": "brought Apple's certificate",
    "credential.attention": "told of a credential that needs attention",
    "credential.change": "switched a credential on or off",
    "credential.create": "added a credential",
    "credential.delete": "deleted a credential",
    "credential.expired": "told of a credential that has ended",
    "credential.expires": "told of a credential that will end",
    "credential.failing": "told of a credential that is refused",
    "credential.health": "noted how a credential stands",
    "credential.request": "made a certificate request",
    "credential.request_delete": "deleted a certificate request",
    "credential.retire": "retired a credential",
    "credential.switch_back": "switched back to a credential",
    "credential.verify": "had a credential checked",
    "credential.well": "told of a credential that is well again",
    "device.clear": "cleared away devices that are gone",
    "device.export": "exported the devices",
    "device.import": "imported devices",
    "device.import_remove": "removed the report of an import",
    "device.mark": "marked a device",
    "device.register": "registered a device",
    "device.remove": "forgot a device",
    "device.reveal": "looked at a device's whole tokens",
    "device.revive": "said that a dead token lives",
    "hold.open": "held a lane",
    "hold.release": "released a lane",
    "invitation.create": "invited somebody",
    "invitation.delete": "took an invitation back",
    "invitation.use": "accepted an invitation",
    "key.create": "made an API key",
    "key.revoke": "revoked an API key",
    "key.rotate": "rotated an API key",
    "mail.test": "tried the mail",
    "organisation.change": "changed the organisation",
    "organisation.create": "made an organisation",
    "passkey.create": "added a passkey",
    "passkey.delete": "removed a passkey",
    "person.change": "changed a person's roles",
    "person.confirm": "proved to be the one",
    "person.create": "made an account",
    "person.delete": "removed a person",
    "person.password": "set another password",
    "person.prefer": "changed the look of the console",
    "person.recovery": "made new recovery codes",
    "person.sign_in": "signed in",
    "person.sign_out": "signed out",
    "person.signin_link": "made a sign-in link",
    "person.two_step": "changed the second step of a sign-in",
    "phone.add": "added a simulated phone",
    "phone.remove": "removed a simulated phone",
    "push.cancel": "withdrew a push",
    "push.retry": "sent again what failed",
    "push.send": "sent a push",
    "push.signal": "reported what a device did",
    "ramp.advance": "went on with a resume in steps",
    "ramp.begin": "began to resume in steps",
    "session.end": "signed somebody out",
    "session.open": "signed in",
    "stop.resume": "resumed sending",
    "stop.stop": "stopped sending",
    "vault.rotate": "changed the vault's key",
}

FIELDS = {
    "accepted": "accepted so far",
    "active": "sends now",
    "admin_credentials": "credentials only by admins",
    "android_package": "Android package",
    "bundle_id": "bundle ID",
    "contacts": "told by mail",
    "created_by": "made by",
    "disabled_at": "disabled",
    "enabled": "on",
    "environments": "tells of",
    "expires_at": "ends",
    "held": "held pushes",
    "previous": "standby, sent before",
    "totp": "authenticator",
    "trial": "on trial",
    "two_step": "second step",
    "url": "address",
    "wns_sid": "Windows package SID",
}
"""What the audit calls a field of what was before and after; others are called by their own name."""


VALUES = {
    "apns_certificate": "Apple certificate",
    "apns_token": "Apple key",
    "fcm_service_account": "Google service account",
}
"""What the audit calls a value; others are said as they stand."""


def field_name(field: str) -> str:
    return FIELDS.get(field, field.replace("_", " "))


PROCESSES = {
    "bootstrap": "Pushwarden (first start)",
    "chores": "Pushwarden (chores)",
    "guard": "Guard",
    "pushwarden": "Pushwarden",
    "sender": "A sender",
}
"""What acts by itself."""


def process(actor: str) -> str:
    """Empty for a person or a key; a sender is named by its seat."""
    return f"Sender ({actor[7:]})" if actor.startswith("sender-") else PROCESSES.get(actor, "")


def deed(action: str) -> str:
    """One that has no words is said as it stands: `ramp.step` → `ramp: step`."""
    thing, _, verb = action.partition(".")
    return DEEDS.get(action) or f"{thing}: {verb.replace('_', ' ')}"
