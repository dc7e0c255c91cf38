"""What is said of secrets for Windows (WNS, by Entra) and of Azure hubs' connection strings."""

from __future__ import annotations

from pushwarden.core.messages.words import Words, failed, passed, warning

MESSAGES: dict[str, Words] = {
    "wns.missing": failed(
        "A part of the secret is missing",
        "There is no {field}; sending to Windows needs tenant ID, client ID and client secret.",
        "Entra admin center → App registrations → Overview, and Certificates & secrets",
    ),
    "wns.tenant": failed(
        "That is not a tenant ID", "It says `{value}`; a tenant ID is a GUID or a domain.", "Correct the tenant ID"
    ),
    "wns.client": failed(
        "That is not a client ID",
        "It says `{value}`; a client ID is a GUID.",
        "Use the Application (client) ID of the app registration",
    ),
    "wns.secret_id": failed(
        "That is the secret's ID, not the secret",
        "`client_secret` is a GUID. Entra shows the secret's value once, beside its ID.",
        "Make a new client secret and copy its Value",
    ),
    "wns.identity": passed("Identity", "Tenant {tenant}, client {client}."),
    "azure.missing": failed(
        "A part of the connection string is missing",
        "There is no `{field}`.",
        "Azure portal → Notification Hub → Access Policies → copy the whole string",
    ),
    "azure.endpoint": failed(
        "The endpoint is not Azure's",
        "It says `{value}`; a hub's ends in `.servicebus.windows.net` or a national cloud's name.",
        "Copy the string again from the hub's Access Policies",
    ),
    "azure.key": failed(
        "The access key is damaged",
        "`SharedAccessKey` {reason}.",
        "Copy the whole string again, with the `=` at its end",
    ),
    "azure.wrong_service": failed(
        "That is a connection string of another Azure service",
        "It is for {service}.",
        "Azure portal → Notification Hub → Access Policies",
    ),
    "azure.namespace": passed("Hub", "Namespace {namespace}, hub {hub}."),
    "azure.no_hub": warning(
        "The hub's name is not in the string",
        "It names the namespace {namespace} only, so its rights may be for every hub in it.",
        "Use a policy of the hub itself · Give the hub's name",
    ),
    "azure.rights": passed("Rights", "The policy {policy} may send, unless its rights were changed."),
    "azure.listen_only": failed(
        "This policy may only listen",
        "`{policy}` is made by Azure with the right Listen; sending needs Send.",
        "Use DefaultFullSharedAccessSignature, or a policy with Send",
    ),
    "azure.root": warning(
        "This policy may do everything in the namespace",
        "`{policy}` manages every hub; a leak would reach them all.",
        "Make a policy with Send on this hub alone",
    ),
    "azure.rights_unknown": warning(
        "The rights of this policy are not known",
        "`{policy}` is a policy of your own; only Azure knows whether it may send.",
        "Look it up under Access Policies: it needs Send",
    ),
}
