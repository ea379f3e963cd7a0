//! The sums of one audit, as they grow key by key.

use std::collections::HashMap;

use super::{ALL_FROM, Group, Label, cut};
use crate::keys::policy::{Broken, Observed, Policy, Table};

/// A namespace that begins later than this in a name is none: names are read in bounded time.
const NAMESPACE_WITHIN: usize = 1024;

/// How an audit forms its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What ends a namespace; not empty.
    pub delimiter: Vec<u8>,
    /// Most groups by namespace of one database.
    pub max_groups: usize,
}

/// A key as the walk sees it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// What is known of it.
    pub key: Observed,
}

/// What is to be said of a key at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The rules of its policy that it breaks.
    pub broken: Broken,
    /// Whether its policy gives it another expiry.
    pub is_due: bool,
}

/// What one walk over the keyspace has seen so far.
#[derive(Debug, Clone)]
pub struct Audit {
    policies: Table,
    settings: Settings,
    databases: Vec<Database>,
    keys: u64,
}

/// The groups of one database.
#[derive(Debug, Clone)]
struct Database {
    number: u32,
    groups: Vec<Group>,
    /// Where in `groups` the keys of each policy count; of those of which a key was seen.
    of_policy: Vec<Option<usize>>,
    of_namespace: HashMap<Vec<u8>, usize>,
    bare: Option<usize>,
    other: Option<usize>,
}

impl Audit {
    /// An audit that has seen nothing, and judges by `policies`.
    pub const fn new(policies: Table, settings: Settings) -> Self {
        Self { policies, settings, databases: Vec::new(), keys: 0 }
    }

    /// Counts a key of database `number`. Where the audit wants to know the memory it takes, it asks `measure`, which
    /// answers `None` when that cannot be told.
    pub fn see(&mut self, number: u32, mut seen: Seen<'_>, measure: impl FnOnce() -> Option<u64>) -> Verdict {
        let ruled_by = self.policies.find(seen.name);
        let policy = ruled_by.and_then(|place| self.policies.get(place));
        let database = database(&mut self.databases, number, self.policies.len());
        let group = database.group(ruled_by, policy, seen.name, &self.settings);
        let Some(group) = database.groups.get_mut(group) else { return Verdict::default() };
        let size_len = size_len(&seen);
        if group.wants_bytes(seen.key.type_name, size_len)
            || policy.is_some_and(|policy| could_exceed(policy, &seen, size_len))
        {
            seen.key.bytes = measure();
        }
        let broken = policy.map(|policy| policy.judge(&seen.key)).unwrap_or_default();
        group.add(&seen, size_len, broken);
        self.keys += 1;
        let is_due = policy.is_some_and(|policy| !seen.key.is_own && policy.due(seen.key.left_ms).is_some());
        Verdict { broken, is_due }
    }

    /// The policies it judges by.
    pub const fn policies(&self) -> &Table {
        &self.policies
    }

    /// The policy that a group's keys are ruled by.
    pub fn policy_of(&self, label: &Label) -> Option<&Policy> {
        let Label::Policy(prefix) = label else { return None };
        self.policies.iter().find(|policy| policy.prefix() == prefix)
    }

    /// Whether it went by a policy of `prefix`.
    pub fn knows_policy(&self, prefix: &[u8]) -> bool {
        self.policies.iter().any(|policy| policy.prefix().as_bytes() == prefix)
    }

    /// All groups, each with the number of its database.
    pub fn groups(&self) -> impl Iterator<Item = (u32, &Group)> {
        self.databases.iter().flat_map(|database| database.groups.iter().map(|group| (database.number, group)))
    }

    /// Gives each database the number that `number_of` says by the one under which its keys were seen.
    pub fn renumber(&mut self, number_of: impl Fn(u32) -> u32) {
        self.databases.iter_mut().for_each(|database| database.number = number_of(database.number));
    }

    /// How many keys were seen; one that the walk met twice counts twice.
    pub const fn keys(&self) -> u64 {
        self.keys
    }

    /// Asserts the invariants that the module's head numbers.
    #[doc(hidden)]
    pub fn check(&self) {
        assert_eq!(self.groups().map(|(_, group)| group.keys).sum::<u64>(), self.keys, "1");
        for database in &self.databases {
            assert!(database.of_namespace.len() <= self.settings.max_groups, "2: {database:?}");
            database.groups.iter().for_each(Group::check);
        }
    }
}

/// The length by which a key's memory is estimated: of strings their bytes with those of the name, of collections their
/// elements.
fn size_len(seen: &Seen<'_>) -> u64 {
    let is_string = seen.key.type_name.as_bytes() == b"string";
    seen.key.len.saturating_add(if is_string { seen.name.len() as u64 } else { 0 })
}

/// Whether a key may take more than its policy's MAXBYTES. A string whose bytes and name are below a quarter of it cannot,
/// however much room its allocation keeps in reserve.
fn could_exceed(policy: &Policy, seen: &Seen<'_>, size_len: u64) -> bool {
    /// More than what the server keeps of any key beside its name and its value.
    const OVERHEAD: u64 = 512;
    let Some(limit) = policy.max_bytes() else { return false };
    let is_string = seen.key.type_name.as_bytes() == b"string";
    !is_string || size_len >= ALL_FROM || size_len.saturating_mul(4).saturating_add(OVERHEAD) > limit
}

fn database(databases: &mut Vec<Database>, number: u32, policies: usize) -> &mut Database {
    // A walk goes through one database after the other.
    let place = databases.iter().rposition(|database| database.number == number).unwrap_or_else(|| {
        databases.push(Database {
            number,
            groups: Vec::new(),
            of_policy: vec![None; policies],
            of_namespace: HashMap::new(),
            bare: None,
            other: None,
        });
        databases.len() - 1
    });
    #[allow(clippy::indexing_slicing, reason = "found or pushed just above")]
    &mut databases[place]
}

impl Database {
    /// Where in `groups` the key `name` counts, which the policy at `ruled_by` rules.
    fn group(&mut self, ruled_by: Option<usize>, policy: Option<&Policy>, name: &[u8], settings: &Settings) -> usize {
        let groups = &mut self.groups;
        let mut open = |label: Label| {
            groups.push(Group::new(label, policy));
            groups.len() - 1
        };
        if let (Some(place), Some(policy)) = (ruled_by, policy)
            && let Some(slot) = self.of_policy.get_mut(place)
        {
            return *slot.get_or_insert_with(|| open(Label::Policy(policy.prefix().clone())));
        }
        let Some(namespace) = namespace(name, &settings.delimiter) else {
            return *self.bare.get_or_insert_with(|| open(Label::Bare));
        };
        // Longer ones are told apart by what is shown of them.
        let long = (namespace.len() > super::MAX_NAME_BYTES).then(|| cut(namespace));
        let namespace = long.as_deref().unwrap_or(namespace);
        if let Some(place) = self.of_namespace.get(namespace) {
            return *place;
        }
        if self.of_namespace.len() >= settings.max_groups {
            return *self.other.get_or_insert_with(|| open(Label::Other));
        }
        let place = open(Label::Namespace(namespace.to_vec()));
        self.of_namespace.insert(namespace.to_vec(), place);
        place
    }
}

/// `name` up to and including the first delimiter.
fn namespace<'a>(name: &'a [u8], delimiter: &[u8]) -> Option<&'a [u8]> {
    let within = name.get(..NAMESPACE_WITHIN).unwrap_or(name);
    let found = match delimiter {
        [] => None,
        [byte] => within.iter().position(|other| other == byte),
        longer => within.windows(longer.len()).position(|window| window == longer),
    };
    name.get(..found?.saturating_add(delimiter.len()))
}
