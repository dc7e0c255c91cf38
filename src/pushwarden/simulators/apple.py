"""Apple's page for certificates, as far as a trial needs it: a request goes in, a `.cer` comes out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pushwarden.simulators.certificates import answer


def _topic(text: str) -> tuple[str, str]:
    name, _, kind = text.partition(":")
    return name, kind or "app"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulate apple", description=__doc__)
    parser.add_argument("request", type=Path, help="a .certSigningRequest")
    parser.add_argument("--bundle-id", required=True)
    parser.add_argument("--cert-dir", type=Path, required=True, help="the folder of `simulate apns --cert-dir`")
    parser.add_argument("--out", type=Path, default=Path("aps.cer"))
    parser.add_argument("--topic", type=_topic, action="append", default=[], metavar="TOPIC:KIND")
    parser.add_argument("--environments", choices=("both", "sandbox", "production", "none"), default="both")
    parser.add_argument("--days", type=int, default=365, help="negative: ended so long ago")
    return parser.parse_args()


def main() -> None:
    """Exits 1 with a sentence for what Apple would not take."""
    wanted = _options()
    try:
        request = wanted.request.read_bytes()
        made = answer(wanted.cert_dir, request, wanted.bundle_id, wanted.topic, wanted.environments, wanted.days)
        wanted.out.write_bytes(made)
    except (OSError, ValueError) as error:
        sys.exit(f"No certificate for {wanted.request}: {error}")
    print(f"Saved {wanted.out}.")  # noqa: T201  the command's output


if __name__ == "__main__":
    main()
