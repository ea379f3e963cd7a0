//! The replies of `KEYS.AUDIT REPORT`.

use super::{Counts, Named};
use crate::wire::{Bytes, Decode, Encode, Malformed, Sink, Source, map_reply};

map_reply! {
    /// What the last complete audit found. Keys are judged as it found them, before it gave any of them an expiry.
    #[derive(Debug, Clone, PartialEq)]
    pub struct KeyReport {
        /// When it ended, Unix milliseconds.
        at_ms: u64 = "at",
        /// How long it took, milliseconds.
        took_ms: u64 = "took_ms",
        /// CPU it took, milliseconds.
        cpu_ms: u64 = "cpu_ms",
        /// Keys.
        keys: u64 = "keys",
        /// About the memory they take.
        bytes: u64 = "bytes",
        /// Keys without an expiry.
        no_ttl: u64 = "no_ttl",
        /// Keys that no policy rules.
        unregistered: u64 = "unregistered",
        /// Keys that break their policy.
        broken: u64 = "broken",
        /// The groups, in the order asked for.
        rows: Vec<KeyRow> = "rows",
    }
}

map_reply! {
    /// One group of keys: those of a policy, or of a namespace without one.
    #[derive(Debug, Clone, PartialEq)]
    pub struct KeyRow {
        /// Its database.
        db: u64 = "db",
        /// The policy's prefix or the namespace; `(none)` of keys without namespace, `(other)` of those beyond the limit.
        prefix: Bytes = "prefix",
        /// The policy's rules; `None` of keys that no policy rules.
        policy: Option<Bytes> = "policy",
        /// Keys.
        keys: u64 = "keys",
        /// About the memory they take.
        bytes: u64 = "bytes",
        /// Keys whose memory was measured.
        measured: u64 = "measured",
        /// Keys without an expiry.
        no_ttl: u64 = "no_ttl",
        /// Keys idle for longer than the policy allows, else for seven days. `None` where the server knows no idle times.
        idle: Option<u64> = "idle",
        /// Keys by type.
        types: Counts = "types",
        /// Keys by the rule that they break.
        broken: Counts = "broken",
        /// Keys that were added in an hour since the audit before, less those gone. `None` without one.
        keys_per_hour: Option<f64> = "keys_per_hour",
        /// Memory likewise.
        bytes_per_hour: Option<f64> = "bytes_per_hour",
    }
}

/// One of the largest keys of a group: an array of name, type, bytes and items.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LargeKey {
    /// Its name, cut at 128 bytes.
    pub name: Bytes,
    /// Its type.
    pub type_name: Bytes,
    /// The memory it takes.
    pub bytes: u64,
    /// Bytes of a string, elements of a collection.
    pub items: u64,
}

impl Encode for LargeKey {
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(4);
        self.name.encode(sink);
        self.type_name.encode(sink);
        self.bytes.encode(sink);
        self.items.encode(sink);
    }
}

impl Decode for LargeKey {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let [name, type_name, bytes, items] = source.tuple()?;
        Ok(Self {
            name: Bytes::decode(name)?,
            type_name: Bytes::decode(type_name)?,
            bytes: u64::decode(bytes)?,
            items: u64::decode(items)?,
        })
    }
}

map_reply! {
    /// What is told of a single group only.
    #[derive(Debug, Clone, PartialEq)]
    pub struct KeyShape {
        /// Keys by the time until they expire.
        ttl: Counts = "ttl",
        /// Keys by the time since they were last read or written.
        idle_time: Counts = "idle_time",
        /// Keys by the power of two that the memory they take is at least.
        sizes: Counts = "sizes",
        /// The largest keys, largest first.
        largest: Vec<LargeKey> = "largest",
        /// Names of keys by the rule that they break.
        examples: Named<Vec<Bytes>> = "examples",
    }
}

/// `KEYS.AUDIT REPORT PREFIX p`: everything of one group.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct KeyDetail {
    /// What the rows of a report tell.
    pub row: KeyRow,
    /// What is told here only.
    pub shape: KeyShape,
}

impl KeyDetail {
    /// A row, and what is told of a single group only.
    pub(crate) const fn new(row: KeyRow, shape: KeyShape) -> Self {
        Self { row, shape }
    }
}

impl Encode for KeyDetail {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(self.row.count_fields() + self.shape.count_fields());
        self.row.encode_fields(sink);
        self.shape.encode_fields(sink);
    }
}

impl Decode for KeyDetail {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let mut fields = source.fields()?;
        Ok(Self { row: KeyRow::decode_fields(&mut fields)?, shape: KeyShape::decode_fields(&mut fields)? })
    }
}

impl KeyReport {
    /// Adds what another node of a cluster found: rows of one group in one database become one, the totals add up, and
    /// the times are those of the latest and the longest. Rows come in descending order of their bytes. What only one of
    /// both knows (growth, idle times) is not known of the sum.
    pub fn merge(&mut self, other: Self) {
        self.at_ms = self.at_ms.max(other.at_ms);
        self.took_ms = self.took_ms.max(other.took_ms);
        self.cpu_ms = self.cpu_ms.saturating_add(other.cpu_ms);
        self.keys = self.keys.saturating_add(other.keys);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.no_ttl = self.no_ttl.saturating_add(other.no_ttl);
        self.unregistered = self.unregistered.saturating_add(other.unregistered);
        self.broken = self.broken.saturating_add(other.broken);
        for row in other.rows {
            match self.rows.iter_mut().find(|own| own.is_of(&row)) {
                Some(own) => own.merge(row),
                None => self.rows.push(row),
            }
        }
        self.rows.sort_by_key(|row| std::cmp::Reverse((row.bytes, row.keys)));
    }
}

impl KeyRow {
    /// Whether both are of one group; a policy's is not that of a namespace of the same name.
    fn is_of(&self, other: &Self) -> bool {
        (self.db, &self.prefix, self.policy.is_some()) == (other.db, &other.prefix, other.policy.is_some())
    }

    fn merge(&mut self, other: Self) {
        let sum = |one: Option<f64>, next: Option<f64>| Some(one? + next?);
        self.keys = self.keys.saturating_add(other.keys);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.measured = self.measured.saturating_add(other.measured);
        self.no_ttl = self.no_ttl.saturating_add(other.no_ttl);
        self.idle = self.idle.and_then(|idle| Some(idle.saturating_add(other.idle?)));
        self.types.add(other.types);
        self.broken.add(other.broken);
        self.keys_per_hour = sum(self.keys_per_hour, other.keys_per_hour);
        self.bytes_per_hour = sum(self.bytes_per_hour, other.bytes_per_hour);
    }
}

impl Counts {
    /// Adds the counts of `other` to those of the same name.
    fn add(&mut self, other: Self) {
        for (name, count) in other.0 {
            match self.0.iter_mut().find(|(own, _)| *own == name) {
                Some((_, own)) => *own = own.saturating_add(count),
                None => self.0.push((name, count)),
            }
        }
    }
}
