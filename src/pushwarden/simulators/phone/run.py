"""Runs the simulated phone: registers, then prints one line for each push."""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx2

from .phone import NotRegistered, Phone

KEY_VARIABLE = "PUSHWARDEN_KEY"


class CannotRun(Exception):
    """The phone cannot run; the sentence says what to mend."""


@dataclass(frozen=True, slots=True)
class Options:
    """api empty: only listens. count 0: for ever. The API key comes from the variable PUSHWARDEN_KEY."""

    control: str
    provider: str = "apns"
    api: str = ""
    app: str = ""
    environment: str = "simulated"
    installation: str = "simulated-phone"
    user: str = ""
    token: str = ""
    token_kind: str = "alert"
    count: int = 0


def run(options: Options, show: Callable[[str], None]) -> None:
    """Gives `show` one line a push, until `count` of them came. CannotRun when a server is not there or refuses."""
    phone = Phone(options.control, options.token, options.provider)
    try:
        phone.pair()
        if options.api:
            _register(phone, options)
        for push in itertools.islice(phone.live(), options.count or None):
            show(push.line)
            if options.api and options.app:
                phone.confirm(f"{options.api.rstrip('/')}/v1/apps/{options.app}/{options.environment}", push)
    except (httpx2.HTTPError, NotRegistered) as error:
        raise CannotRun(str(error)) from error
    finally:
        phone.close()


def _register(phone: Phone, options: Options) -> None:
    key = os.environ.get(KEY_VARIABLE, "")
    if not key or not options.app:
        raise CannotRun(f"Registering needs --app and an API key in the variable {KEY_VARIABLE}")
    devices = f"{options.api.rstrip('/')}/v1/apps/{options.app}/{options.environment}/devices"
    details = {"token_kind": options.token_kind} | ({"user": options.user} if options.user else {})
    phone.register(devices, key, options.installation, details)


def options(arguments: Sequence[str] | None = None) -> Options:
    """Command-line arguments as Options."""
    parser = argparse.ArgumentParser(prog="pushwarden simulate phone", description=__doc__)
    parser.add_argument("--control", required=True, help="control door of the simulator, http://127.0.0.1:port")
    parser.add_argument("--provider", default="apns", choices=["apns", "fcm"], help="whose simulator it is")
    parser.add_argument(
        "--api", default="", help="Pushwarden, http://127.0.0.1:8600; without it the phone only listens"
    )
    parser.add_argument("--app", default="", help="the app to register with")
    parser.add_argument("--environment", default="simulated")
    parser.add_argument("--installation", default="simulated-phone", help="installation id")
    parser.add_argument("--user", default="")
    parser.add_argument("--token", default="", help="device token; without it one is made up")
    parser.add_argument("--token-kind", default="alert")
    parser.add_argument("--count", type=int, default=0, help="end after so many pushes")
    return Options(**vars(parser.parse_args(arguments)))
