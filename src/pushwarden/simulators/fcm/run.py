"""The FCM simulator as a program."""

from __future__ import annotations

import asyncio

from pushwarden.simulators.common import run
from pushwarden.simulators.control import Control

from .connection import Connection
from .door import door
from .service import Configuration, Service


class Fcm(run.Simulator[Service]):
    name = "fcm"
    protocols = ("h2", "http/1.1")

    def make(self, options: run.Options) -> Service:
        return Service(options.configuration(Configuration), options.log, options.mode, options.faults())

    def connection(self, service: Service) -> asyncio.Protocol:
        return Connection(service)

    def door(self, service: Service, stop: asyncio.Event) -> Control:
        return door(service, stop)
