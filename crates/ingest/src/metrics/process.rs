//! Figures of the process itself, under the names that Prometheus' client libraries have agreed on.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Ticks of processor time to the second, as Linux tells them to programs on every architecture in use.
const TICKS: f64 = 100.0;
const PAGE_BYTES: u64 = 4096;

/// Reads `/proc/self` when it is asked.
#[derive(Debug)]
pub(super) struct Process {
    start_seconds: f64,
}

impl Process {
    pub(super) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start_seconds: since.as_secs_f64() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge("process_start_time_seconds", "When the process began, Unix seconds", self.start_seconds)?;
        if let Some(bytes) = resident_bytes() {
            gauge("process_resident_memory_bytes", "Memory that is in use", bytes as f64)?;
        }
        if let Some(count) = std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count) {
            gauge("process_open_fds", "Open files and sockets", count as f64)?;
        }
        if let Some(seconds) = cpu_seconds() {
            let counter = ConstCounter::new(seconds);
            let name =
                encoder.encode_descriptor("process_cpu_seconds", "Processor time", None, counter.metric_type())?;
            counter.encode(name)?;
        }
        Ok(())
    }
}

fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split(' ').nth(1)?.parse::<u64>().ok()? * PAGE_BYTES)
}

/// Fields 14 and 15 of `/proc/self/stat`; the second, the name, may hold blanks.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}
