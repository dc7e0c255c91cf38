"""What is said of Apple's keys and certificates, as far as the file shows it and as Apple answers."""

from __future__ import annotations

from pushwarden.core.messages.words import Words, failed, passed, skipped, unproven, warning

_EXPORT = "Export it again from Keychain Access"
_WITH_KEY = (
    "Export again with the key (on the Mac that made the request) · "
    "Start fresh with a request made here — no Mac needed"
)
_ORIGINAL = "Drop the original file · Apple lets you download it once; make a new key"

MESSAGES: dict[str, Words] = {
    # .p12
    "p12.opened": passed("Password", "The password opens the file."),
    "p12.open": passed("Password", "The file opens without a password."),
    "p12.password": failed(
        "The password doesn't open this file",
        "Nothing was saved. The file is still here; only the password is needed. Watch for a space at the end; if none "
        "was set at export, leave it empty.",
        "Try again",
    ),
    "p12.damaged": failed(
        "The file is damaged", "The password is not the trouble: {reason}. Nothing was saved.", _EXPORT
    ),
    "p12.unsupported": failed(
        "The file is closed in a way we can't read", "It uses {part}. Nothing was saved.", _EXPORT
    ),
    "p12.too_costly": failed(
        "Opening this file would take too long",
        "It asks for {iterations} rounds of key derivation; we run at most {limit}, so nothing was tried.",
        _EXPORT,
    ),
    "p12.legacy": passed(
        "Old encryption ({encryption})", "Keychain still writes it. It opened; our copy is stored with AES-256."
    ),
    "p12.no_key": failed(
        "The private key is missing",
        "The file holds the certificate for {bundle} but not its key, so we can't sign with it. It was exported "
        "without the key.",
        _WITH_KEY,
    ),
    "p12.no_cert": failed("The certificate is missing", "The file holds a private key only.", _WITH_KEY),
    "p12.key_mismatch": failed(
        "Key and certificate don't belong together",
        "Certificate serial {serial}; the key in the file signs a different one.",
        "Choose another file",
    ),
    "p12.many": failed(
        "Several certificates in one file",
        "We found {n}. Which one sends pushes[ for {bundle}]? {list}.",
        "Say which by its `serial`",
    ),
    "p12.no_serial": failed(
        "No certificate in the file has this serial", "You asked for {serial}. There are: {list}.", "Use one of these"
    ),
    "p12.chosen": passed("Which certificate", "Of {n} in the file, this is the one {why}."),
    "p12.pair": passed("Key and certificate", "Both are there and belong together."),
    # a certificate without its key
    "cer.matched": passed("Key and certificate", "The key was made here with the request[ {request}]."),
    "cer.other_request": failed(
        "Made from another request",
        "Its key was made here with the request {request}.",
        "Answer that request with it",
    ),
    "cer.no_request": failed(
        "We don't have the key for this certificate",
        "It was not made from a request created here.[ Open requests: {list}.]",
        "Upload a .p12 with the key · Create a request",
    ),
    # what a certificate says
    "cert.push": passed("Push certificate", "Apple made it for sending pushes."),
    "cert.not_push": failed(
        "Not a push certificate",
        'This is "{subject}". It signs apps; Apple refuses it for sending.',
        "In Apple's list choose Apple Push Notification service SSL (Sandbox & Production) · Open Apple",
    ),
    "cert.unreadable": failed(
        "The certificate can't be read",
        "A part of it is not as certificates are made: {reason}.",
        "Download it again at Apple · Create a request",
    ),
    "cert.key_kind": failed(
        "The certificate's key is of another kind", "It is {found}; Apple's are RSA or elliptic.", "Create a request"
    ),
    "cert.issuer": passed("Issuer", "It says Apple issued it."),
    "cert.foreign_issuer": warning(
        "Not issued by Apple",
        'It was issued by "{issuer}". Apple accepts only its own.',
        "Choose the certificate Apple gave you",
    ),
    "cert.valid": passed("Validity", "Valid until {date}, {n} more days."),
    "cert.expires": warning(
        "Expires in {n} days",
        "{date}, {weekday}. Renewing does not disturb devices and the old one keeps working until you switch.",
        "Renew[ · Remind {person}]",
    ),
    "cert.expired": failed(
        "Expired {n} days ago",
        "Valid until {date}. Apple has refused every push since.[ {held} pushes are held, not lost.]",
        "Renew now[ (request {request} ready in 1 click)][ · Switch to standby {standby}]",
    ),
    "cert.not_yet": failed(
        "Not valid yet",
        "Valid from {date}. Our clock says {now}[; Apple's says {apple_now}].",
        "If clocks differ: fix the clock (NTP) · Else check again at {date}",
    ),
    "cert.revoked": failed(
        "Revoked by Apple",
        "Apple {answer}. Somebody in the team[ {team}] revoked it.",
        "Create a request · Switch to standby",
    ),
    "cert.refused": failed(
        "Apple doesn't accept this certificate",
        "Apple closed the connection: {answer}. It may be revoked, or not be Apple's.",
        "Create a request · Switch to standby",
    ),
    "cert.environment": passed("Environment", "It works in {environments}."),
    "cert.sandbox_only": failed(
        "Works only in Sandbox",
        "Apple will refuse it for TestFlight and App Store builds.",
        "Save it in Sandbox · Get a Sandbox & Production one",
    ),
    "cert.production_only": failed(
        "Works only in Production",
        "Apple will refuse it for builds run from Xcode.",
        "Save it in Production · Get a Sandbox & Production one",
    ),
    "cert.bundle": passed("Bundle ID", "It is made for this app."),
    "cert.bundle_unknown": skipped(
        "Bundle ID",
        "It is made for {cert_bundle}; the app has no bundle ID to compare with.",
        "Give the app its bundle ID",
    ),
    "cert.wrong_bundle": failed(
        "Made for another app",
        "The certificate is for `{cert_bundle}`; this app is `{app_bundle}`.",
        "Choose another file · Change the app's bundle ID (only while it has no devices)",
    ),
    "cert.types": passed("Push types", "It covers {kinds}."),
    "cert.voip_missing": warning(
        "Calls are not covered",
        "The app uses calls, but this certificate has no `{bundle}.voip` topic. Alerts will work, calls won't.",
        "Get a VoIP-enabled certificate, or use a .p8 key",
    ),
    # .p8
    "p8.parsed": passed("Key", "The key is whole: private, elliptic, P-256."),
    "p8.malformed": failed(
        "The key file is damaged",
        "A .p8 starts with `-----BEGIN PRIVATE KEY-----` and has 4 lines inside. This one {reason}. Usually a "
        "copy-paste lost lines.",
        _ORIGINAL,
    ),
    "p8.is_cert": failed(
        "That's a certificate, not a key", "You chose key, but the file is a certificate.", "Treat as certificate"
    ),
    "p8.curve": failed(
        "That is another kind of key",
        "It is {found}; Apple's keys for pushes are elliptic (P-256).",
        "Use the AuthKey_….p8 from Apple's list of keys",
    ),
    "p8.encrypted": failed(
        "The key has a password",
        "Apple gives keys without one; somebody closed this one afterwards.",
        "Enter its password · Drop the file Apple gave you",
    ),
    "p8.password": failed(
        "The password doesn't open this key",
        "Nothing was saved. Watch for a space at the end.",
        "Try again · Drop the file Apple gave you",
    ),
    "p8.other_service": failed(
        "That is a key for {service}",
        "Its name begins with `{prefix}`. Apple refuses it for sending.",
        "Use the AuthKey_….p8 made with Apple Push Notifications service",
    ),
    "p8.key_id_fits": passed("Key ID", "{kid}[ — same as in the {source}]."),
    "p8.key_id": failed(
        "Key ID doesn't fit the file", "The file name says `{file_kid}`, you typed `{kid}`.", "Use {file_kid}"
    ),
    "p8.key_id_missing": failed(
        "The key ID is missing",
        "The file name does not say it. It stands beside the key at Apple.",
        "Give the key ID · Keep the file's name, AuthKey_….p8",
    ),
    "p8.key_id_form": failed(
        "That is not a key ID", "You typed `{kid}`; a key ID has 10 capital letters and digits.", "Correct the key ID"
    ),
    "p8.team_id_fits": passed("Team ID", "{team} has the form of one."),
    "p8.team_id_missing": failed(
        "The team ID is missing",
        "Apple's tokens name the team; it stands at Apple under Membership details.",
        "Give the team ID",
    ),
    "p8.team_id": failed(
        "That is not a team ID",
        "You typed `{team}`; a team ID has 10 capital letters and digits.",
        "Correct the team ID",
    ),
    "p8.same_ids": warning(
        "Key ID and team ID are the same",
        "Both are `{kid}`. One of them was probably typed twice.",
        "Look both up at Apple",
    ),
    "p8.signs": passed("Signature", "A token signed with it verifies."),
    "p8.refused": failed(
        "Apple doesn't accept this key",
        "Apple answered {answer}. One of four: Team ID is not `{team}`; Key ID is not `{kid}`; the key was "
        "made without Apple Push Notifications service; it was revoked. Brand-new keys can need some minutes.",
        "Edit Team ID · Open Apple's key list[ · we try again at {again}]",
    ),
    "p8.env": failed(
        "Key is limited to {env}",
        "Apple answered {answer} in {other}.",
        "Use it for {env} only · make a key for Sandbox & Production",
    ),
    "p8.topic": failed(
        "Key is limited to other apps",
        "It is topic-specific and `{bundle}` is not on its list.",
        "Open the key at Apple",
    ),
    "p8.unproven_topic": unproven(
        "Bundle ID not proven yet",
        "Apple only confirms it with a real device. The first test push will.",
        "Go to Send & test",
    ),
    "apns.throttled": unproven(
        "Apple asks us to slow down",
        "Team {team} makes provider tokens too often (max about one per 20 min). Another system may use the same team. "
        "Nothing is lost; we retry at {time}.",
        "Show who uses this team here",
    ),
}
