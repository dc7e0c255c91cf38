"""What becomes of registered devices, decided beside copies of the rows they touch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pushwarden.core.device import Device, DeviceState, keeping_mark
from pushwarden.core.errors import Conflict
from pushwarden.ports.devices import Registration


@dataclass(slots=True)
class Touched:
    """Rows of one audience, by what they are found by. gone: seqs to delete; written: seqs to write."""

    next_seq: int
    by_installation: dict[str, Device] = field(default_factory=dict)
    by_token: dict[str, Device] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    written: dict[int, Device] = field(default_factory=dict)
    revived: list[int] = field(default_factory=list)  # whose token was called gone and lives again
    gained: int = 0  # live devices

    def load(self, rows: Iterable[Device]) -> None:
        for row in rows:
            self.by_installation[row.installation_id] = row
            self.by_token[row.token] = row

    def register(self, device: Device, now_ms: int) -> Registration:
        """Raises Conflict when the device's version is not the one stored."""
        old = self.by_installation.get(device.installation_id)
        version = old.version if old else 0
        if device.version and device.version != version:
            raise Conflict("The device was changed since you read it; read it again.", version=version)
        moved, was_gone = self._evict(device)
        wish = replace(
            device, state=DeviceState.LIVE, registered_at=now_ms, gone_at=None, gone_reason="",
            seq=old.seq if old else self.next_seq, version=old.version if old else 1,
        )  # fmt: skip
        wish = keeping_mark(old, wish)
        change = _change(old, wish)
        if change in ("updated", "revived"):
            wish = replace(wish, version=wish.version + 1)
        self.next_seq += old is None
        self.gained += old is None or old.state is DeviceState.GONE
        if was_gone or (old and old.state is DeviceState.GONE and old.token == wish.token):
            self.revived.append(wish.seq)
        self._put(old, wish)
        return Registration(wish, change, moved)

    def _evict(self, device: Device) -> tuple[int, bool]:
        """How many rows of other installations had its token, and whether it was called gone there."""
        holder = self.by_token.get(device.token)
        if holder is None or holder.installation_id == device.installation_id:
            return 0, False
        del self.by_token[holder.token], self.by_installation[holder.installation_id]
        self.written.pop(holder.seq, None)
        self.gone.add(holder.seq)
        self.gained -= holder.state is DeviceState.LIVE
        return 1, holder.state is DeviceState.GONE

    def _put(self, old: Device | None, now: Device) -> None:
        if old is not None:
            self.by_token.pop(old.token, None)
        self.by_installation[now.installation_id] = self.by_token[now.token] = now
        self.written[now.seq] = now


def _change(old: Device | None, wish: Device) -> str:
    if old is None:
        return "created"
    if wish == replace(old, registered_at=wish.registered_at):
        return "unchanged"
    return "revived" if old.state is DeviceState.GONE else "updated"
