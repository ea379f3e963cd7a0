//! The server's figures as Prometheus reads them: made of what was told, when they are asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Board;
use super::names::{self, Kind, Name};
use super::told::{self, Told};

type Labels = Vec<(&'static str, String)>;

/// Figures by their name, each with its samples.
#[derive(Default)]
struct Table {
    rows: BTreeMap<String, Row>,
}

struct Row {
    help: &'static str,
    kind: Kind,
    samples: Vec<(Labels, f64)>,
}

impl Table {
    fn put(&mut self, told: &Told, name: Name, mut labels: Labels, value: f64) {
        labels.extend(told.node.iter().map(|node| ("node", node.clone())));
        let Name { name, help, kind } = name;
        let row = self.rows.entry(name.to_owned()).or_insert_with(|| Row { help, kind, samples: Vec::new() });
        row.samples.push((labels, value));
    }

    fn of(nodes: &[Told]) -> Self {
        let mut table = Self::default();
        for told in nodes {
            table.put(told, names::UP, Vec::new(), f64::from(u8::from(!told.info.is_empty())));
            table.take_section(told);
            table.take_memory(told);
            table.take_policies(told);
            table.take_server(told);
            table.take_unknown(told);
        }
        table
    }

    fn take_section(&mut self, told: &Told) {
        if let Some(version) = told.info.get("liq_version") {
            self.put(told, names::MODULE, vec![("version", version.clone())], 1.0);
        }
        if let Some(mode) = told.info.get("liq_mode") {
            for name in names::MODES {
                self.put(told, names::MODE, vec![("mode", name.to_owned())], f64::from(u8::from(mode == name)));
            }
        }
        for status in names::STATUSES {
            if let Some(count) = told.number(&format!("liq_{status}")) {
                self.put(told, names::ADDS, vec![("status", status.to_owned())], count);
            }
        }
        for (field, name) in names::SECTION {
            if let Some(value) = told.number(field) {
                self.put(told, name, Vec::new(), value);
            }
        }
        for (command, count) in told.info.get("liq_errors").into_iter().flat_map(|line| told::counts(line)) {
            self.put(told, names::ERRORS, vec![("command", command.to_owned())], count);
        }
    }

    fn take_memory(&mut self, told: &Told) {
        for (field, name, scale) in names::MEMORY {
            if let Some(value) = told.memory.get(field).and_then(|text| text.parse::<f64>().ok()) {
                self.put(told, name, Vec::new(), value * scale);
            }
        }
        if !told.memory.is_empty() {
            let warns = told.memory.contains_key("warning");
            self.put(told, names::WARNING, Vec::new(), f64::from(u8::from(warns)));
        }
    }

    fn take_policies(&mut self, told: &Told) {
        let lines = told.info.iter().filter(|(field, _)| is_policy(field));
        for (prefix, numbers) in lines.filter_map(|(_, line)| told::policy(line)) {
            for (field, value) in numbers {
                if let Some((_, name)) = names::POLICY.iter().find(|(known, _)| *known == field) {
                    self.put(told, *name, vec![("prefix", prefix.to_owned())], value);
                }
            }
        }
    }

    fn take_server(&mut self, told: &Told) {
        for (field, name) in names::SERVER {
            if let Some(value) = told.number(field) {
                self.put(told, name, Vec::new(), value);
            }
        }
        if let Some(enabled) = told.number("aof_enabled") {
            self.put(told, names::AOF_ENABLED, Vec::new(), enabled);
        }
        for (field, name) in names::STATES {
            if let Some(state) = told.info.get(field) {
                self.put(told, name, Vec::new(), f64::from(u8::from(state == "ok")));
            }
        }
        let sent = told.number("master_repl_offset").unwrap_or(0.0);
        for number in 0.. {
            let Some(line) = told.info.get(&format!("slave{number}")) else { break };
            let fields: BTreeMap<&str, &str> = line.split(',').filter_map(|item| item.split_once('=')).collect();
            let (Some(ip), Some(port)) = (fields.get("ip"), fields.get("port")) else { continue };
            let number = |name: &str| fields.get(name).and_then(|text| text.parse::<f64>().ok());
            let labels = vec![("replica", format!("{ip}:{port}"))];
            if let Some(lag) = number("lag") {
                self.put(told, names::REPLICA_LAG, labels.clone(), lag);
            }
            if let Some(offset) = number("offset") {
                self.put(told, names::REPLICA_BEHIND, labels, (sent - offset).max(0.0));
            }
        }
    }

    /// Numbers of a newer module, under the name that its INFO gives them.
    fn take_unknown(&mut self, told: &Told) {
        let is_known = |field: &str| {
            names::SECTION.iter().any(|(known, _)| *known == field)
                || names::SHOWN_ELSEWHERE.contains(&field)
                || field.strip_prefix("liq_").is_some_and(|rest| names::STATUSES.contains(&rest))
        };
        for field in told.info.keys().filter(|field| field.starts_with("liq_") && !is_known(field)) {
            let is_name = field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if let Some(value) = told.number(field).filter(|_| is_name && !self.is_taken(field)) {
                let labels = told.node.iter().map(|node| ("node", node.clone())).collect();
                let row = self.rows.entry(field.clone()).or_insert_with(|| Row {
                    help: "A field of INFO that this version does not know",
                    kind: Kind::Unknown,
                    samples: Vec::new(),
                });
                row.samples.push((labels, value));
            }
        }
    }

    /// Whether a figure that is known has this name.
    fn is_taken(&self, name: &str) -> bool {
        self.rows.get(name).is_some_and(|row| row.kind != Kind::Unknown)
    }
}

fn is_policy(field: &str) -> bool {
    field.strip_prefix("liq_key_policy_").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Writes what the board has.
#[derive(Debug)]
pub struct Figures(pub Arc<Board>);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(nodes) = self.0.lately() else { return Ok(()) };
        let mut table = Table::of(&nodes);
        if nodes.is_empty() {
            table.put(&Told::default(), names::UP, Vec::new(), 0.0);
        }
        for (name, Row { help, kind, samples }) in &table.rows {
            let form = match kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Unknown => MetricType::Unknown,
            };
            let mut family = encoder.encode_descriptor(name, help, None, form)?;
            for (labels, value) in samples {
                // Without labels there are no braces.
                if labels.is_empty() {
                    write(*kind, *value, family)?;
                    break;
                }
                write(*kind, *value, family.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

fn write(kind: Kind, value: f64, encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
    match kind {
        Kind::Counter => ConstCounter::new(value).encode(encoder),
        Kind::Gauge | Kind::Unknown => ConstGauge::new(value).encode(encoder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_modules_numbers_come_under_their_own_name_and_hide_nothing() {
        let info = [("liq_version", "9.9.9"), ("liq_novelty", "7"), ("liq_adds", "3"), ("liq_accepted", "3")];
        let pairs =
            info.into_iter().chain([("liq_word", "x"), ("liq_memory_used_bytes", "1"), ("liq_memory_used", "2")]);
        let told = Told { info: pairs.map(|(name, value)| (name.into(), value.into())).collect(), ..Told::default() };
        let table = Table::of(&[told]);
        assert_eq!(table.rows["liq_novelty"].samples, [(vec![], 7.0)]);
        assert_eq!(table.rows["liq_memory_used_bytes"].samples, [(vec![], 2.0)]);
        assert_eq!(table.rows["liq_adds"].samples, [(vec![("status", "accepted".to_owned())], 3.0)]);
        assert!(!table.rows.contains_key("liq_word"));
    }
}
