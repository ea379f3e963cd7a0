//! What is summed up of one group of keys.

use super::{Estimate, Label, SPANS, Seen, Span, cut};
use crate::keys::policy::{Broken, Policy, Rule, TypeName};

/// How many of the largest keys a group names.
pub const LARGEST: usize = 8;

/// How many keys a group names for each rule that is broken.
pub const EXAMPLES: usize = 4;

/// A key without a policy that says otherwise is idle after seven days.
const IDLE_MS: u64 = 7 * 86_400_000;

/// Powers of two that sizes are counted by: up to 2^47 bytes.
const POWERS: usize = 48;

/// One of the largest keys of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Large {
    /// Its name, cut.
    pub name: Vec<u8>,
    /// Its type.
    pub type_name: TypeName,
    /// The memory it takes.
    pub bytes: u64,
    /// Bytes of a string, elements of a collection.
    pub items: u64,
}

/// The keys of one type in a group.
#[derive(Debug, Clone, PartialEq)]
struct Kind {
    name: TypeName,
    keys: u64,
    estimate: Estimate,
}

/// The keys of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    label: Label,
    /// How long its keys may be idle.
    idle_after_ms: u64,
    /// Keys.
    pub keys: u64,
    /// Keys without an expiry.
    pub no_ttl: u64,
    /// Keys neither read nor written for as long as their policy allows, else seven days.
    pub idle: u64,
    /// Keys whose idle time the server knows.
    idle_known: u64,
    /// Keys that break a rule.
    pub broken_keys: u64,
    broken: [u64; Rule::ALL.len()],
    kinds: Vec<Kind>,
    ttl: [u64; SPANS.len()],
    idle_time: [u64; SPANS.len()],
    sizes: [u64; POWERS],
    largest: Vec<Large>,
    examples: [Vec<Vec<u8>>; Rule::ALL.len()],
}

impl Group {
    pub(super) fn new(label: Label, policy: Option<&Policy>) -> Self {
        Self {
            label,
            idle_after_ms: policy.and_then(Policy::idle_ms).unwrap_or(IDLE_MS),
            keys: 0,
            no_ttl: 0,
            idle: 0,
            idle_known: 0,
            broken_keys: 0,
            broken: [0; _],
            kinds: Vec::new(),
            ttl: [0; _],
            idle_time: [0; _],
            sizes: [0; _],
            largest: Vec::new(),
            examples: Default::default(),
        }
    }

    /// Which keys it holds.
    pub const fn label(&self) -> &Label {
        &self.label
    }

    /// Whether an estimate wants the memory of the next key of this type and length.
    pub(super) fn wants_bytes(&self, name: TypeName, len: u64) -> bool {
        self.kinds.iter().find(|kind| kind.name == name).is_none_or(|kind| kind.estimate.wants(len))
    }

    pub(super) fn add(&mut self, seen: &Seen<'_>, size_len: u64, broken: Broken) {
        let key = &seen.key;
        self.keys += 1;
        self.no_ttl += u64::from(key.left_ms.is_none());
        self.idle += u64::from(key.idle_ms.is_some_and(|ms| ms >= self.idle_after_ms));
        self.idle_known += u64::from(key.idle_ms.is_some());
        count_span(&mut self.ttl, key.left_ms);
        count_span(&mut self.idle_time, key.idle_ms);
        if !broken.is_empty() {
            self.add_broken(seen.name, broken);
        }
        let place = self.kinds.iter().position(|kind| kind.name == key.type_name).unwrap_or_else(|| {
            self.kinds.push(Kind { name: key.type_name, keys: 0, estimate: Estimate::default() });
            self.kinds.len() - 1
        });
        let Some(kind) = self.kinds.get_mut(place) else { return };
        kind.keys += 1;
        let bytes = key.bytes.unwrap_or_else(|| kind.estimate.of_one(size_len));
        kind.estimate.add(size_len, key.bytes);
        if let Some(count) = self.sizes.get_mut((bytes.max(1).ilog2() as usize).min(POWERS - 1)) {
            *count += 1;
        }
        if let Some(bytes) = key.bytes {
            self.add_large(seen, bytes);
        }
    }

    fn add_broken(&mut self, name: &[u8], broken: Broken) {
        self.broken_keys += 1;
        for rule in Rule::ALL.into_iter().filter(|rule| broken.has(*rule)) {
            if let Some(count) = self.broken.get_mut(rule as usize) {
                *count += 1;
            }
            if let Some(names) = self.examples.get_mut(rule as usize)
                && names.len() < EXAMPLES
            {
                names.push(cut(name));
            }
        }
    }

    fn add_large(&mut self, seen: &Seen<'_>, bytes: u64) {
        let is_full = self.largest.len() >= LARGEST;
        if is_full && self.largest.last().is_some_and(|least| least.bytes >= bytes) {
            return;
        }
        let name = cut(seen.name);
        // A walk may see a key twice.
        self.largest.retain(|other| other.name != name);
        let place = self.largest.partition_point(|other| other.bytes >= bytes);
        let items = seen.key.len;
        self.largest.insert(place, Large { name, type_name: seen.key.type_name, bytes, items });
        self.largest.truncate(LARGEST);
    }

    /// About the bytes its keys take.
    pub fn bytes(&self) -> u64 {
        self.kinds.iter().fold(0, |sum, kind| sum.saturating_add(kind.estimate.bytes()))
    }

    /// Keys whose memory was measured.
    pub fn measured(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.estimate.measured()).sum()
    }

    /// Keys that are idle; `None` where the server knows no idle times.
    pub fn idle_if_known(&self) -> Option<u64> {
        (self.idle_known > 0 || self.keys == 0).then_some(self.idle)
    }

    /// Keys by type.
    pub fn types(&self) -> impl Iterator<Item = (TypeName, u64)> {
        self.kinds.iter().map(|kind| (kind.name, kind.keys))
    }

    /// Keys by the rule they break; none for the rules that all keep.
    pub fn broken(&self) -> impl Iterator<Item = (Rule, u64)> {
        Rule::ALL.into_iter().zip(self.broken).filter(|(_, keys)| *keys > 0)
    }

    /// Keys by the time until they expire.
    pub fn ttl(&self) -> impl Iterator<Item = (Span, u64)> {
        SPANS.into_iter().zip(self.ttl)
    }

    /// Keys by the time since they were last read or written.
    pub fn idle_time(&self) -> impl Iterator<Item = (Span, u64)> {
        SPANS.into_iter().zip(self.idle_time)
    }

    /// Keys by the memory they take, measured or estimated: of each power of two how many take that much, and less than
    /// twice as much. None for the powers without.
    pub fn sizes(&self) -> impl Iterator<Item = (u64, u64)> {
        let powers = self.sizes.iter().enumerate();
        powers.map(|(power, keys)| (1 << power, *keys)).filter(|(_, keys)| *keys > 0)
    }

    /// The largest keys among those measured, largest first.
    pub fn largest(&self) -> &[Large] {
        &self.largest
    }

    /// Names of keys that break a rule, for each rule that is broken.
    pub fn examples(&self) -> impl Iterator<Item = (Rule, &[Vec<u8>])> {
        let all = Rule::ALL.into_iter().zip(self.examples.iter().map(Vec::as_slice));
        all.filter(|(_, names)| !names.is_empty())
    }

    /// Asserts what bounds its memory, and that its counts agree.
    #[doc(hidden)]
    pub fn check(&self) {
        for counts in [self.ttl.as_slice(), &self.idle_time, &self.sizes] {
            assert_eq!(counts.iter().sum::<u64>(), self.keys, "1: {self:?}");
        }
        assert_eq!(self.types().map(|(_, keys)| keys).sum::<u64>(), self.keys, "1: {self:?}");
        assert!(self.largest.len() <= LARGEST && self.examples.iter().all(|names| names.len() <= EXAMPLES), "3");
        let names = self.largest.iter().map(|large| &large.name).chain(self.examples.iter().flatten());
        assert!(names.into_iter().all(|name| name.len() <= super::MAX_NAME_BYTES + "…".len()), "3");
    }
}

fn count_span(counts: &mut [u64; SPANS.len()], ms: Option<u64>) {
    if let Some(count) = counts.get_mut(Span::of(ms) as usize) {
        *count += 1;
    }
}
