"""What is said once a provider is asked, of the way to it, and of a credential in use."""

from __future__ import annotations

from pushwarden.core.messages.words import Words, failed, passed, skipped, unproven, warning

_UNPROVEN = "The credential is saved, but not proven."

MESSAGES: dict[str, Words] = {
    "none": skipped(
        "No {provider} credential yet",
        "Devices can register, but nothing can be sent to them.",
        "Add credential · Create a request (CSR)",
    ),
    "provider.later": failed(
        "We can't send through {provider} yet",
        "The file was recognised, and nothing was stored.",
        "Keep the file for a later version",
    ),
    # asking the provider
    "live.accepted": passed("{provider}, {environment}", "Knows us: it refused only our impossible token."),
    "live.handshake": passed("TLS", "{host} took the certificate."),
    "live.oauth": passed("Access token", "Google gave one."),
    "live.clock": passed("Clock", "Ours is {skew} from {provider}'s."),
    "live.clock_wrong": warning(
        "Our clock is wrong",
        "It is {skew} from {provider}'s; tokens are refused when it is minutes off.",
        "Fix the clock (NTP)",
    ),
    "live.no_sender": unproven(
        "Nobody could ask {provider}",
        f"No sender is running, or all are busy. {_UNPROVEN}",
        "Start one (`pushwarden doctor`) · Check again",
    ),
    "live.timeout": unproven("No answer in {seconds} s", f"{{provider}} was asked. {_UNPROVEN}", "Check again"),
    "live.stopped": skipped(
        "{provider} was not asked",
        "Sending is stopped here, so nothing is asked for this app.",
        "Resume, then check again",
    ),
    "live.offline": skipped(
        "{provider} was not asked", "This was a look at the file alone.", "Upload it to have it proven"
    ),
    "live.unclear": unproven(
        "{provider} answered something else",
        f"It answered {{answer}}, which does not judge the credential. {_UNPROVEN}",
        "Check again · Go to Send & test",
    ),
    "live.not_asked": unproven("{provider} was not asked", "{reason}.", "Mend that · Check again"),
    "live.sealed": failed("It can't be used", "{reason}.", "Upload it again"),
    "live.trust": unproven(
        "This server doesn't trust {provider}'s certificate",
        "The certificate of {host} was issued by {issuer}, as it should be, and is not trusted here.",
        "Update this machine's CA certificates · Check again",
    ),
    "net.dns": unproven(
        "This server can't reach {provider}",
        f"{{host}}:{{port}} — no DNS answer. {_UNPROVEN}",
        "Ask for DNS to resolve {host} · Check again",
    ),
    "net.blocked": unproven(
        "This server can't reach {provider}",
        f"{{host}}:{{port}} — {{reason}}. {_UNPROVEN}",
        "Firewall: allow outbound TCP to {host}:{port}[ · Try port {other_port}] · Check again",
    ),
    "net.tls_proxy": unproven(
        "Something re-signs our connection",
        'The certificate shown for {host} was issued by "{issuer}", not by {provider}. '
        "{provider} will not accept this.",
        "Exempt {host} from inspection",
    ),
    "net.h2": unproven(
        "HTTP/2 is being stripped",
        "A proxy answered with HTTP/1.1; {provider} needs HTTP/2.",
        "Exempt {host} from inspection",
    ),
    "provider.down": unproven(
        "{provider} has trouble right now",
        "{answer}[ for {minutes} min on all apps]. This is not your credential. State unchanged, sending "
        "continues with back-off.",
        "Status page · Check again",
    ),
    # in use
    "run.refused_rate": warning(
        "{provider} started refusing pushes at {time}",
        "{refused} of {attempts} in {minutes} min: {reason}.[ Before that {before}.][ Last change: {change}.]",
        "Show the change · Switch back · Stop",
    ),
    "run.well": passed("{provider} takes pushes again", "What waited for the credential is being sent."),
}
