//! Asking now and then from which size on a series' events pass its filter, for the day the spool is full.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use liq_spool::{Place, Series};
use redis::Value;

use super::courier::Courier;
use super::spooler::Desk;

/// How often a series that gets events is asked about.
const EVERY: Duration = Duration::from_secs(10);

/// When each series was asked about.
#[derive(Default)]
pub struct Thresholds {
    asked: HashMap<Arc<str>, Instant>,
}

impl Thresholds {
    /// Asks about those of `series` that were not asked about lately. Failing to ask changes nothing.
    pub async fn learn(&mut self, mut series: Vec<(Place, Series)>, courier: &mut Courier, desk: &Desk) {
        let now = Instant::now();
        let is_due = |asked: &Instant| now.duration_since(*asked) >= EVERY;
        series.retain(|(_, series)| self.asked.get(&series.key).is_none_or(is_due));
        if series.is_empty() {
            return;
        }
        let mut commands = Vec::with_capacity(series.len());
        for (_, series) in &series {
            self.asked.insert(Arc::clone(&series.key), now);
            commands.push(redis::cmd("LIQ.INFO").arg(&*series.key).to_owned());
        }
        let Ok(replies) = courier.ask(&commands).await else { return };
        let options: Vec<_> =
            replies.iter().map(|reply| (number(reply, "percentile"), number(reply, "minsize"))).collect();
        let mut commands = Vec::with_capacity(series.len());
        for ((_, series), (percentile, _)) in series.iter().zip(&options) {
            // Where the filter is off any percentile will do: its answer is not used.
            let percentile = percentile.filter(|percentile| *percentile > 0.0).unwrap_or(50.0);
            commands.push(redis::cmd("LIQ.PCTL").arg(&*series.key).arg(percentile).to_owned());
        }
        let Ok(replies) = courier.ask(&commands).await else { return };
        let mut learned = Vec::new();
        for (((place, series), (percentile, smallest)), reply) in series.iter().zip(options).zip(replies) {
            let is_on = percentile.is_some_and(|percentile| percentile > 0.0);
            let passing = if is_on { first_number(&reply) } else { None };
            learned.extend(passing.or(smallest).map(|threshold| (*place, series.id, threshold)));
        }
        // A disk that takes nothing takes no thresholds either, and says so where it matters.
        let noted = desk.ask(move |store| {
            learned
                .into_iter()
                .try_for_each(|(place, series, threshold)| store.spool.set_threshold(place, series, threshold))
        });
        if let Some(Err(error)) = noted.await {
            tracing::debug!(%error, "thresholds could not be noted");
        }
    }
}

/// A field of a map, or of the flat array that RESP2 has in its place.
fn number(reply: &Value, field: &str) -> Option<f64> {
    let is_field =
        |name: &Value| matches!(name, Value::BulkString(bytes) if bytes.eq_ignore_ascii_case(field.as_bytes()));
    match reply {
        Value::Map(pairs) => pairs.iter().find(|(name, _)| is_field(name)).and_then(|(_, value)| to_number(value)),
        Value::Array(flat) => flat.chunks_exact(2).find_map(|pair| match pair {
            [name, value] if is_field(name) => to_number(value),
            _ => None,
        }),
        _ => None,
    }
}

fn first_number(reply: &Value) -> Option<f64> {
    match reply {
        Value::Array(values) => values.first().and_then(to_number),
        _ => None,
    }
}

fn to_number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}
