"""Frozen settings from the environment or a file, refused at start with a sentence when they make no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pushwarden.core.mail import MailServer, addresses_of, server_of

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(BaseSettings):
    """Read from `PUSHWARDEN_…` variables. Paths are made absolute; everything lives below `data`."""

    model_config = SettingsConfigDict(env_prefix="PUSHWARDEN_", frozen=True, extra="ignore")

    data: Path = Field(Path("data"), description="The directory everything lives in")
    store: SecretStr = Field(
        SecretStr(""), description="Empty: SQLite files below `data`; `postgresql://…`: one PostgreSQL database"
    )
    store_file: Path | None = Field(None, description="A file with what `store` would say, in place of it")
    listen_host: str = Field("127.0.0.1", description="Where the API listens. It speaks HTTP: put TLS before it")
    listen_port: int = Field(8600, ge=0, le=65535, description="0: a free one")
    public_url: str = Field(
        "", description="How people reach the console, `https://push.example.com`; with https, cookies are for it alone"
    )
    bulk_senders: int = Field(0, ge=0, le=64, description="0: one for each core but one, at least one")
    unknown_window: int = Field(
        1000, ge=1, le=65536, description="W: recipients issued and not done, a sender, at least"
    )
    stop_patience_ms: int = Field(
        50,
        ge=50,
        le=2000,
        description="How long a stop waits for a silent sender before ending it; more on a full machine",
    )
    fcm_quota: int = Field(
        600_000, ge=0, description="Requests a minute and FCM project, shared by the senders; 0: no limit"
    )
    apns_port: int = Field(443, description="443 or 2197")
    proxy: str = Field("", description="CONNECT proxy for providers, http://[user:password@]host:port")
    simulators: Literal["auto", "on", "off"] = Field(
        "auto", description="Run simulators of its own for `simulated`; auto: on loopback, where no other is named"
    )
    simulated_only: bool = Field(
        False, description="Every environment reaches simulators and no provider: for a demonstration"
    )
    simulator_apns: str = Field("", description="host:port of another one of APNs for the `simulated` environment")
    simulator_fcm: str = Field("", description="host:port of another one of FCM, for pushes and access tokens")
    simulator_ca: Path | None = Field(None, description="PEM that signs the certificates of those two")
    simulator_apns_door: str = Field("", description="http://127.0.0.1:port, its control door: for simulated phones")
    simulator_fcm_door: str = Field("", description="The same of FCM")
    callbacks_allow: str = Field(
        "",
        description="Hosts, addresses, networks (CIDR), comma-separated, that callbacks may reach beside the internet",
    )
    callbacks_ca: Path | None = Field(None, description="PEM of an authority that callbacks trust beside the system's")
    smtp: SecretStr = Field(
        SecretStr(""),
        description="Mail server of notices, invitations: `smtp://user:password@host:587`, `smtps://…`; empty: none",
    )
    smtp_file: Path | None = Field(None, description="A file with what `smtp` would say, in place of it")
    smtp_from: str = Field("", description="The address mails come from")
    smtp_ca: Path | None = Field(None, description="PEM of an authority that mail servers may be certified by")
    contacts: str = Field("", description="E-mail addresses, comma-separated, told of every app's credentials")
    log_level: str = Field("info", description="debug, info, warning or error")

    @model_validator(mode="before")
    @classmethod
    def _read(cls, said: dict[str, Any]) -> dict[str, Any]:
        """A password in a file is in no environment another process can read."""
        return said | {name: _content(said, name) for name in ("store", "smtp") if said.get(f"{name}_file")}

    @field_validator("store")
    @classmethod
    def _known(cls, store: SecretStr) -> SecretStr:
        if not store.get_secret_value().startswith(("postgresql://", "postgres://")) and store.get_secret_value():
            raise ValueError("it is empty, or postgresql://user@host/database")
        return store

    @field_validator("smtp")
    @classmethod
    def _server(cls, smtp: SecretStr) -> SecretStr:
        if smtp.get_secret_value():
            server_of(smtp.get_secret_value())
        return smtp

    @field_validator("contacts", "smtp_from")
    @classmethod
    def _addresses(cls, addresses: str) -> str:
        addresses_of(addresses)
        return addresses

    @field_validator("public_url")
    @classmethod
    def _origin(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")):
            raise ValueError("it is empty, or https:// and a host, without a path")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        if self.simulators == "on" and (self.simulator_apns or self.simulator_fcm):
            raise ValueError("PUSHWARDEN_SIMULATORS is on and PUSHWARDEN_SIMULATOR_… names another one; keep one")
        if self.simulated_only and not (self.own_simulators or self.simulator_apns or self.simulator_fcm):
            raise ValueError("PUSHWARDEN_SIMULATED_ONLY is set and there is no simulator; set PUSHWARDEN_SIMULATORS=on")
        if self.smtp.get_secret_value() and not self.smtp_from:
            raise ValueError("PUSHWARDEN_SMTP is set and PUSHWARDEN_SMTP_FROM is not; say whom notices come from")
        return self

    @property
    def secure(self) -> bool:
        """The console is reached by https alone."""
        return self.public_url.startswith("https:")

    @property
    def mail_server(self) -> MailServer | None:
        """Through which notices are sent; None when none are."""
        return server_of(self.smtp.get_secret_value()) if self.smtp.get_secret_value() else None

    @property
    def dsn(self) -> str:
        """Of the PostgreSQL database; empty for SQLite files."""
        return self.store.get_secret_value()

    @property
    def own_simulators(self) -> bool:
        """Whether `serve` runs simulators itself."""
        named = self.simulator_apns or self.simulator_fcm
        return self.simulators == "on" or (self.simulators == "auto" and self.listen_host in LOOPBACK and not named)

    @property
    def control_db(self) -> Path:
        return self.data / "control.db"

    @property
    def devices_db(self) -> Path:
        return self.data / "devices.db"

    @property
    def journal_db(self) -> Path:
        return self.data / "journal.db"

    @property
    def fence_file(self) -> Path:
        return self.data / "fence"

    @property
    def anchors_file(self) -> Path:
        return self.data / "audit-heads.jsonl"

    @property
    def run(self) -> Path:
        """Sockets and pid files of the running processes."""
        return self.data / "run"

    @property
    def keys(self) -> Path:
        return self.data / "keys"


def _content(said: dict[str, Any], name: str) -> str:
    variable, path = f"PUSHWARDEN_{name.upper()}", said[f"{name}_file"]
    if said.get(name):
        raise ValueError(f"{variable} and {variable}_FILE are both set; keep one")
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
