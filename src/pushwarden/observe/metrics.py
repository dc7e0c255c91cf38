"""/metrics: what the senders counted, what waits in the journal, when credentials end. Prometheus text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pushwarden.core.app import Credential
from pushwarden.core.health import Health, ends_at

LANE = ("organisation", "app", "environment", "provider", "slot")


@dataclass(frozen=True, slots=True)
class Observed:
    """What one page shows. senders: name → its stats. backlog: rows of `Accepts.backlog`. credentials: active ones."""

    senders: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    backlog: Sequence[Mapping[str, Any]] = ()
    credentials: Sequence[tuple[Credential, Health]] = ()
    stops: int = 0
    now_ms: int = 0


class _Page(Collector):
    def __init__(self, observed: Observed) -> None:
        self._observed = observed

    def collect(self) -> Iterable[Metric]:
        yield from _endings(self._observed.senders)
        yield from _times(self._observed.senders)
        yield from _senders(self._observed.senders)
        yield from _backlog(self._observed)
        yield from _credentials(self._observed)
        stops = GaugeMetricFamily("pushwarden_stops", "Scopes stopped now.")
        stops.add_metric((), self._observed.stops)
        yield stops


def page(observed: Observed) -> str:
    """The text of one scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(observed))
    return generate_latest(registry).decode()


def _endings(senders: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    ended = CounterMetricFamily(
        "pushwarden_attempts", "Attempts ended, by ending and reason.", labels=(*LANE, "ending", "reason", "sender")
    )
    alarms = CounterMetricFamily("pushwarden_alarms", "Answers that are our own mistake.", labels=("what", "sender"))
    for sender, stats in senders.items():
        counters = stats["counters"]
        for family, ending, reason, count in counters["endings"]:
            ended.add_metric((*_family(family), ending, reason, sender), count)
        for what, count in counters["alarms"].items():
            alarms.add_metric((what, sender), count)
    yield ended
    yield alarms


def _times(senders: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    names = {
        "ours": ("pushwarden_wait_seconds", "From accepted (or due) until written: our time."),
        "theirs": ("pushwarden_answer_seconds", "From written until accepted by the provider: its time."),
    }
    for kind, (name, words) in names.items():
        metric = HistogramMetricFamily(name, words, labels=(*LANE, "sender"))
        for sender, stats in senders.items():
            for family, histogram in stats["counters"][kind].items():
                metric.add_metric((*_family(family), sender), _buckets(histogram), histogram["sum_ms"] / 1000)
        yield metric
    record = HistogramMetricFamily(
        "pushwarden_record_seconds", "One transaction of the journal, as the sender waits for it.", labels=("sender",)
    )
    for sender, stats in senders.items():
        histogram = stats["counters"]["recorded"]
        record.add_metric((sender,), _buckets(histogram), histogram["sum_ms"] / 1000)
    yield record


def _buckets(histogram: Mapping[str, Any]) -> list[tuple[str, float]]:
    total, buckets = 0, []
    bounds = [*(str(ms / 1000) for ms in histogram["le_ms"]), "+Inf"]
    for bound, count in zip(bounds, histogram["counts"], strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets


def _senders(senders: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    lanes = (*LANE, "class", "sender")
    up = GaugeMetricFamily("pushwarden_sender_up", "Senders that answer.", labels=("sender",))
    flying = GaugeMetricFamily("pushwarden_in_flight", "Requests written and not answered.", labels=("sender",))
    window = GaugeMetricFamily("pushwarden_window", "W: recipients a kill -9 would leave in doubt.", labels=("sender",))
    paused = GaugeMetricFamily(
        "pushwarden_lane_paused_seconds", "Until a paused lane is tried again; 0: it is not.", labels=lanes
    )
    limit = GaugeMetricFamily(
        "pushwarden_lane_limit", "Requests a slowed lane may have in flight; absent without one.", labels=lanes
    )
    links = GaugeMetricFamily("pushwarden_connections", "Open connections.", labels=lanes)
    for sender, stats in senders.items():
        up.add_metric((sender,), 1)
        flying.add_metric((sender,), stats["in_flight"])
        window.add_metric((sender,), stats["window"])
        for lane, count in stats["connections"].items():
            links.add_metric((*_lane(lane), sender), count)
        for lane, report in stats["lanes"].items():
            paused.add_metric((*_lane(lane), sender), report["seconds"])
            if report["limit"] is not None:
                limit.add_metric((*_lane(lane), sender), report["limit"])
    yield from (up, flying, window, links, paused, limit)


def _backlog(observed: Observed) -> Iterator[Metric]:
    labels = (*LANE, "class", "state")
    shards = GaugeMetricFamily("pushwarden_backlog_shards", "Shards in the journal.", labels=labels)
    waiting = GaugeMetricFamily("pushwarden_backlog_recipients", "Recipients that have not ended.", labels=labels)
    late = GaugeMetricFamily("pushwarden_backlog_late_seconds", "How long the oldest due shard waits.", labels=labels)
    for row in observed.backlog:
        lane = (*_lane(row["lane"]), row["state"])
        shards.add_metric(lane, row["shards"])
        waiting.add_metric(lane, row["recipients"] or 0)
        late.add_metric(lane, max(0.0, (observed.now_ms - row["oldest_due_ms"]) / 1000))
    yield from (shards, waiting, late)


def _credentials(observed: Observed) -> Iterator[Metric]:
    ends = GaugeMetricFamily("pushwarden_credential_expires_seconds", "Until an active credential ends.", labels=LANE)
    state = GaugeMetricFamily(
        "pushwarden_credential_state", "1 for the state an active credential is in.", labels=(*LANE, "state")
    )
    for credential, health in observed.credentials:
        lane = (
            credential.organisation, credential.app, credential.environment, credential.provider, credential.slot
        )  # fmt: skip
        state.add_metric((*lane, health), 1)
        if end := ends_at(credential):
            ends.add_metric(lane, (end - observed.now_ms) / 1000)
    yield from (ends, state)


def _family(key: str) -> tuple[str, ...]:
    """Values of LANE. key: a lane's without its class."""
    parts = tuple(key.split("/"))
    return parts if len(parts) == len(LANE) else (*parts, "")


def _lane(key: str) -> tuple[str, ...]:
    """Values of LANE and the class."""
    family, _, klass = key.rpartition("/")
    return (*_family(family), klass)
