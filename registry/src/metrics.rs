//! What the registry counts of itself, in the text form of `OpenMetrics`, which Prometheus reads.
//! Nothing in it names a project, a host or a person.

use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of durations in seconds: from an answer out of memory to a large transfer.
const DURATIONS: [f64; 11] = [
    0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0, 300.0, 1800.0,
];

/// What is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    received: Counter,
    sent: Counter,
    connections: Gauge,
    deltas_made: Counter,
    gauges: Gauges,
}

/// What is found out when somebody asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) watches: u64,
    pub(crate) uploads: u64,
    pub(crate) log_entries: u64,
    /// When the newest checkpoint was made, in seconds since 1970.
    pub(crate) checkpoint: u64,
    pub(crate) disk_free: u64,
    pub(crate) disk_reserve: u64,
    pub(crate) deltas_made: u64,
    pub(crate) delta_cache: u64,
    pub(crate) hosts: u64,
    /// How many entries of the origin's log a mirror does not have yet.
    pub(crate) mirror_behind: u64,
    /// When a mirror last had all that its origin has, in seconds since 1970.
    pub(crate) mirror_success: u64,
}

/// How that is shown.
#[derive(Debug, Default)]
struct Gauges {
    watches: Gauge,
    uploads: Gauge,
    log_entries: Gauge,
    checkpoint: Gauge,
    disk_free: Gauge,
    disk_reserve: Gauge,
    delta_cache: Gauge,
    hosts: Gauge,
    mirror_behind: Gauge,
    mirror_success: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    method: &'static str,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    /// The pattern of its path, one of a few.
    pub(crate) route: &'static str,
    /// Its method, one of a few.
    pub(crate) method: &'static str,
    /// The status of the answer.
    pub(crate) status: u16,
    /// From its head to the last byte of its answer.
    pub(crate) duration: Duration,
    /// Bytes of its body.
    pub(crate) received: u64,
    /// Bytes of the answer's body.
    pub(crate) sent: u64,
}

/// A connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Open(Gauge);

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("bulla_registry");
        let build = Family::<BuildLabels, Gauge>::default();
        let version = env!("CARGO_PKG_VERSION");
        build.get_or_create(&BuildLabels { version }).set(1);
        registry.register("build", "The version of the program", build);
        let mut metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            received: Counter::default(),
            sent: Counter::default(),
            connections: Gauge::default(),
            deltas_made: Counter::default(),
            gauges: Gauges::default(),
            registry,
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let (registry, gauges) = (&mut self.registry, &self.gauges);
        registry.register(
            "http_requests",
            "Requests that were answered",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to the last byte of its answer",
            Unit::Seconds,
            self.durations.clone(),
        );
        for (name, help, counter) in [
            ("http_received", "Bodies of requests", &self.received),
            ("http_sent", "Bodies of answers", &self.sent),
        ] {
            registry.register_with_unit(name, help, Unit::Bytes, counter.clone());
        }
        let made = self.deltas_made.clone();
        registry.register("deltas_made", "Deltas that were made", made);
        for (name, help, gauge) in [
            (
                "connections",
                "Connections that are open",
                &self.connections,
            ),
            (
                "watches",
                "Clients that wait for the log to grow",
                &gauges.watches,
            ),
            ("uploads", "Uploads under way", &gauges.uploads),
            ("log_entries", "Entries of the log", &gauges.log_entries),
            ("hosts", "Hosts that have reported", &gauges.hosts),
            (
                "mirror_behind_entries",
                "Entries of its origin's log that a mirror does not have yet",
                &gauges.mirror_behind,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, gauge) in [
            (
                "disk_free",
                "What is left on the disk of the data directory",
                &gauges.disk_free,
            ),
            (
                "disk_reserve",
                "What of that is kept for tags and the log",
                &gauges.disk_reserve,
            ),
            (
                "delta_cache",
                "Deltas that are kept in memory",
                &gauges.delta_cache,
            ),
        ] {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
        registry.register_with_unit(
            "checkpoint_timestamp",
            "When the log's newest checkpoint was made; 0 before the first",
            Unit::Seconds,
            gauges.checkpoint.clone(),
        );
        registry.register_with_unit(
            "mirror_success_timestamp",
            "When a mirror last had all that its origin has; 0 where this is none",
            Unit::Seconds,
            gauges.mirror_success.clone(),
        );
    }

    /// Counts a request.
    pub(crate) fn count(&self, answered: Answered) {
        let Answered {
            route,
            method,
            status,
            duration,
            received,
            sent,
        } = answered;
        let labels = RequestLabels {
            route,
            method,
            status: status.into(),
        };
        self.requests.get_or_create(&labels).inc();
        let durations = self.durations.get_or_create(&RouteLabels { route });
        durations.observe(duration.as_secs_f64());
        self.received.inc_by(received);
        self.sent.inc_by(sent);
    }

    /// Counts a connection.
    pub(crate) fn open(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }

    /// Writes everything, with what was found out for it.
    pub(crate) fn write(&self, seen: &Seen) -> Result<String, std::fmt::Error> {
        let gauges = &self.gauges;
        for (gauge, value) in [
            (&gauges.watches, seen.watches),
            (&gauges.uploads, seen.uploads),
            (&gauges.log_entries, seen.log_entries),
            (&gauges.checkpoint, seen.checkpoint),
            (&gauges.disk_free, seen.disk_free),
            (&gauges.disk_reserve, seen.disk_reserve),
            (&gauges.delta_cache, seen.delta_cache),
            (&gauges.hosts, seen.hosts),
            (&gauges.mirror_behind, seen.mirror_behind),
            (&gauges.mirror_success, seen.mirror_success),
        ] {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        let made = self.deltas_made.inner();
        made.store(seen.deltas_made, Ordering::Relaxed);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
