//! A job as a worker reads it from a stream.

use std::collections::HashMap;

use redis::Value;

use super::Priority;
use crate::Error;

/// One entry of a stream, taken.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) priority: Priority,
    pub(super) entry: String,
    pub(super) id: String,
    /// Attempts before this one.
    pub(super) attempts: u64,
    /// How often it was handed out as this entry, this time included.
    pub(super) deliveries: u64,
    /// Whether somebody had it before, under another entry, who never said how that ended.
    pub(super) was_begun: bool,
    pub(super) pushed_ms: u64,
    pub(super) expires_ms: u64,
    pub(super) body: Vec<u8>,
}

/// What a take brought.
pub(super) struct Batch {
    pub(super) now_ms: u64,
    pub(super) next_due_ms: Option<u64>,
    pub(super) cursors: [String; 3],
    pub(super) jobs: Vec<Taken>,
}

pub(super) type Fields = HashMap<String, Vec<u8>>;

impl Taken {
    pub(super) fn read(priority: Priority, entry: Value, fields: Value, deliveries: u64) -> Result<Self, Error> {
        let fields = read_fields(fields)?;
        let number = |name: &str| text(&fields, name).parse::<f64>().unwrap_or(0.0).max(0.0) as u64;
        let entry: String = redis::from_redis_value(entry).map_err(Error::unexpected)?;
        // A job that was pushed as this entry has its time in the entry's id.
        let own_ms = entry.split('-').next().and_then(|time| time.parse().ok()).unwrap_or(0);
        Ok(Self {
            priority,
            entry,
            id: text(&fields, "i"),
            attempts: number("a"),
            deliveries,
            was_begun: number("d") > 0,
            pushed_ms: if fields.contains_key("t") { number("t") } else { own_ms },
            expires_ms: number("x"),
            body: fields.get("b").cloned().unwrap_or_default(),
        })
    }

    /// Whether it may be done, or half done, though nobody said so.
    pub(super) const fn may_be_done(&self) -> bool {
        self.was_begun || self.deliveries > 1
    }

    /// Which attempt this is, from 1: workers that died with it count.
    pub(super) const fn attempt(&self) -> u64 {
        self.attempts.saturating_add(self.deliveries)
    }
}

/// The fields of an entry. Anybody may write one whose names are no text: it must not stop those beside it.
pub(super) fn read_fields(value: Value) -> Result<Fields, Error> {
    let fields: HashMap<Vec<u8>, Vec<u8>> = redis::from_redis_value(value).map_err(Error::unexpected)?;
    Ok(fields.into_iter().map(|(name, value)| (String::from_utf8_lossy(&name).into_owned(), value)).collect())
}

pub(super) fn text(fields: &Fields, name: &str) -> String {
    fields.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

impl Batch {
    pub(super) fn read(value: Value) -> Result<Self, Error> {
        let [now, due, cursors, jobs] = array(value)?;
        let due: Option<String> = redis::from_redis_value(due).map_err(Error::unexpected)?;
        let jobs: Vec<Value> = redis::from_redis_value(jobs).map_err(Error::unexpected)?;
        Ok(Self {
            now_ms: redis::from_redis_value(now).map_err(Error::unexpected)?,
            next_due_ms: due.and_then(|due| due.parse::<f64>().ok()).map(|due| due as u64),
            cursors: redis::from_redis_value(cursors).map_err(Error::unexpected)?,
            jobs: jobs.into_iter().map(read_job).collect::<Result<_, _>>()?,
        })
    }
}

pub(super) fn read_job(value: Value) -> Result<Taken, Error> {
    let [priority, entry, fields, deliveries] = array(value)?;
    let priority: u64 = redis::from_redis_value(priority).map_err(Error::unexpected)?;
    let priority = Priority::of(priority).ok_or_else(|| Error::unexpected(priority))?;
    let deliveries: u64 = redis::from_redis_value(deliveries).map_err(Error::unexpected)?;
    Taken::read(priority, entry, fields, deliveries)
}

/// An array of exactly so many values.
pub(super) fn array<const N: usize>(value: Value) -> Result<[Value; N], Error> {
    match value {
        Value::Array(values) => <[Value; N]>::try_from(values).map_err(Error::unexpected),
        other => Err(Error::unexpected(other)),
    }
}

/// The streams of a read by name, as RESP2 or RESP3 has them; none when nothing came in time.
pub(super) fn streams(value: Value) -> Result<Vec<(String, Value)>, Error> {
    let name = |value: Value| redis::from_redis_value::<String>(value).map_err(Error::unexpected);
    match value {
        Value::Nil => Ok(Vec::new()),
        Value::Map(pairs) => pairs.into_iter().map(|(key, entries)| Ok((name(key)?, entries))).collect(),
        Value::Array(streams) => {
            let read = |stream| array(stream).and_then(|[key, entries]| Ok((name(key)?, entries)));
            streams.into_iter().map(read).collect()
        }
        other => Err(Error::unexpected(other)),
    }
}
