"""What is said of Google's service accounts, as far as the file shows it and as Google answers."""

from __future__ import annotations

from pushwarden.core.messages.words import Words, failed, passed, skipped, unproven, warning

_WHOLE = "Drop the whole .json"
_AGAIN = "Download the file again; do not edit it"
_NEW_KEY = "Firebase → Project settings → Service accounts → Generate new private key"

MESSAGES: dict[str, Words] = {
    "json.malformed": failed(
        "The JSON can't be read", "Line {line}, column {column}: {reason}.", "Fix in place · drop the original file"
    ),
    "json.only_key": failed(
        "Only the private key was pasted",
        "We need the whole file, including `client_email` and `project_id`.",
        "drop the whole .json",
    ),
    "json.wrong_type": failed(
        "Wrong kind of Google file", '`type` is "{type}"; we need "service_account".', f"Show me where: {_NEW_KEY}"
    ),
    "json.not_a_credential": failed(
        "This JSON is no credential",
        "It has {found}; a service account's key has `type`, `client_email` and `private_key`.",
        _NEW_KEY,
    ),
    "json.missing": failed("A part of the file is missing", "There is no `{field}` in it.", f"{_WHOLE} · {_NEW_KEY}"),
    "json.form": failed("`{field}` is not one of Google's", "It says `{value}`.", _AGAIN),
    "json.account": passed("Account", "Project {project_id}, account {client_email}."),
    "json.token_uri": failed(
        "The file sends the key elsewhere",
        "`token_uri` is `{value}`; Google's is `{google}`. Whoever runs that address could send in your name.",
        "Find out who edited the file · Download it again",
    ),
    "json.token_uri_google": passed("Token address", "Access tokens come from Google."),
    "json.token_uri_simulated": passed("Token address", "Access tokens come from a simulator."),
    "json.key": passed("Private key", "The private key is whole: RSA, {bits} bits."),
    "json.key_damaged": failed(
        "The key inside is damaged",
        r"`private_key` doesn't parse. Often `\n` became real line breaks or were doubled.",
        f"Drop the original file · {_NEW_KEY}",
    ),
    "json.key_repaired": warning(
        "The key inside was damaged, and is whole again",
        r"`private_key`: {what} Only one key can be meant; our copy is in order, your file is as it was.",
        "Nothing to do · Next time, drop the original file",
    ),
    "json.key_kind": failed("The key inside is of another kind", "It is {found}; Google's are RSA.", _NEW_KEY),
    "json.key_size": failed(
        "The key inside has an unusual size",
        "It has {bits} bits; Google's have 2048, and we take 2048 to 8192.",
        _NEW_KEY,
    ),
    "json.key_encrypted": failed("The key inside has a password", "Google's have none.", _NEW_KEY),
    "json.project": passed("Project", "It is the app's own: {project_id}."),
    "json.wrong_project": failed(
        "Belongs to another Firebase project",
        "The file is for `{p1}`; devices of this app are registered with `{p2}`[ (sender {sender})]. Google would "
        "answer SENDER_ID_MISMATCH.",
        "choose the key of `{p2}`",
    ),
    "json.age": passed("Age of the key", "The file is {n} days old."),
    "json.age_unknown": skipped("Age of the key", "The file does not say when it was made."),
    "json.old": warning(
        "The key is {n} days old",
        "It still works; a new one every year keeps a leak short.",
        "Make a new key; it waits here until you switch",
    ),
    "oauth.invalid_grant": failed(
        "Google doesn't accept this key",
        "Two causes: the key was deleted or disabled, or our clock is wrong. Our clock is {skew} from Google's, so it "
        "is {cause}.",
        "Fix NTP · Open the key list (`{client_email}`)",
    ),
    "fcm.api_off": failed(
        "Messaging is switched off in this project",
        "The Firebase Cloud Messaging API is disabled for `{project}`.",
        "Enable it at Google · check again",
    ),
    "fcm.permission": failed(
        "The account may not send",
        "`{client_email}` lacks `cloudmessaging.messages.create`.",
        "give it Firebase Cloud Messaging API Admin",
    ),
    "fcm.no_project": failed(
        "Google knows no such project",
        "There is no project `{project}`, or it has no Firebase.",
        "Choose the key of the app's own project · Open Firebase",
    ),
    "fcm.unproven_project": unproven(
        "Permission not proven yet",
        "Only Google knows whether the account may send for `{project}`. It says so when a sender asks.",
        "Check again · Go to Send & test",
    ),
}
