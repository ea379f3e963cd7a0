//! All policies of a server, and which of them rules a name.

use std::fmt;

use super::{Policy, Prefix};
use crate::grammar::{Args, RequestError};

/// Most policies of a server.
pub const MAX_POLICIES: usize = 64;

/// The policies in ascending order of their prefixes, so that the one that rules a name is found without trying them all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    policies: Vec<Policy>,
    /// For each policy the place of the longest other one whose prefix its own begins with.
    shorter: Vec<Option<usize>>,
    /// Which bytes a prefix begins with; all, with a policy for every name.
    firsts: [u64; 4],
    /// The head of each prefix: most of a search is over these alone, not over what lies elsewhere.
    heads: Vec<u64>,
}

/// The first eight bytes, filled with zeros: of two texts with different heads the one with the smaller is the smaller.
fn head(text: &[u8]) -> u64 {
    let first = text.first_chunk().copied();
    u64::from_be_bytes(first.unwrap_or_else(|| {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(text).for_each(|(byte, given)| *byte = *given);
        bytes
    }))
}

impl Table {
    /// Reads a text: policies parted by `;`, each `prefix rule …`. Refused as a whole, naming the policy.
    pub fn parse(text: &[u8]) -> Result<Self, RequestError> {
        let mut table = Self::default();
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(table);
        }
        for (place, part) in text.split(|byte| *byte == b';').enumerate() {
            let in_item = |error: RequestError| match error {
                RequestError::Arity => {
                    RequestError::argument("policy", "a prefix and its rules", part).in_item(place + 1)
                }
                error => error.in_item(place + 1),
            };
            let words: Vec<&[u8]> = part.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
            let mut args = Args::new(&words);
            let prefix = args.required().and_then(Prefix::from_word).map_err(in_item)?;
            if table.place_of(&prefix).is_ok() {
                return Err(in_item(RequestError::repeated("prefix", prefix.as_bytes())));
            }
            table.insert(Policy::parse(prefix, args).map_err(in_item)?).map_err(in_item)?;
        }
        Ok(table)
    }

    /// How many policies there are.
    pub const fn len(&self) -> usize {
        self.policies.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The policies, in ascending order of their prefixes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Policy> {
        self.policies.iter()
    }

    /// The policy at a place that [`Self::find`] gave.
    pub fn get(&self, place: usize) -> Option<&Policy> {
        self.policies.get(place)
    }

    /// Where the policy of exactly this prefix is, or would be.
    fn place_of(&self, prefix: &Prefix) -> Result<usize, usize> {
        self.policies.binary_search_by(|policy| policy.prefix().cmp(prefix))
    }

    /// Takes `policy` in, in place of that of the same prefix.
    pub fn insert(&mut self, policy: Policy) -> Result<(), RequestError> {
        match self.place_of(policy.prefix()) {
            Ok(place) => self.policies.splice(place..=place, [policy]).for_each(drop),
            Err(_) if self.len() == MAX_POLICIES => {
                let prefix = policy.prefix().as_bytes();
                return Err(RequestError::argument("prefix", "a server has at most 64 policies", prefix));
            }
            Err(place) => self.policies.insert(place, policy),
        }
        self.index();
        Ok(())
    }

    /// Removes the policy of `prefix`; false without one.
    pub fn remove(&mut self, prefix: &Prefix) -> bool {
        let found = self.place_of(prefix);
        if let Ok(place) = found {
            self.policies.remove(place);
            self.index();
        }
        found.is_ok()
    }

    /// The place of the policy that rules `name`: that of the longest prefix it begins with.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        // Most names of a server that uses policies sparsely are told by their first byte.
        let first = usize::from(*name.first().unwrap_or(&0));
        if self.firsts.get(first / 64).is_some_and(|bits| bits >> (first % 64) & 1 == 0) {
            return None;
        }
        let mut place = self.last_not_after(name);
        // Every prefix of `name` stands before it in the order, and is a prefix of all that stands between: so it is the
        // last one there or is reached from that by ever shorter prefixes.
        while let Some(at) = place {
            if name.starts_with(self.policies.get(at)?.prefix().as_bytes()) {
                break;
            }
            place = self.shorter.get(at).copied().flatten();
        }
        place
    }

    /// The place of the last policy whose prefix stands not after `name`.
    #[inline]
    fn last_not_after(&self, name: &[u8]) -> Option<usize> {
        let head = head(name);
        let mut after = self.heads.partition_point(|other| *other <= head);
        if self.heads.get(after.checked_sub(1)?) == Some(&head) {
            let before = self.heads.partition_point(|other| *other < head);
            let same = self.policies.get(before..after)?;
            after = before + same.partition_point(|policy| policy.prefix().as_bytes() <= name);
        }
        after.checked_sub(1)
    }

    fn index(&mut self) {
        self.heads.clear();
        self.heads.extend(self.policies.iter().map(|policy| head(policy.prefix().as_bytes())));
        self.shorter.clear();
        self.firsts = [0; 4];
        for (place, policy) in self.policies.iter().enumerate() {
            let prefix = policy.prefix().as_bytes();
            let before = self.policies.iter().take(place);
            self.shorter.push(before.into_iter().rposition(|other| prefix.starts_with(other.prefix().as_bytes())));
            match prefix.first() {
                None => self.firsts = [u64::MAX; 4],
                Some(first) => {
                    if let Some(bits) = self.firsts.get_mut(usize::from(first / 64)) {
                        *bits |= 1 << (first % 64);
                    }
                }
            }
        }
    }

    /// Asserts the invariants that the module's head numbers.
    #[doc(hidden)]
    pub fn check(&self) {
        assert!(self.len() <= MAX_POLICIES && self.shorter.len() == self.len(), "1: {self:?}");
        assert!(self.policies.iter().is_sorted_by(|one, next| one.prefix() < next.prefix()), "1: {self}");
        for (policy, shorter) in self.policies.iter().zip(&self.shorter) {
            let again = Policy::parse(policy.prefix().clone(), Args::new(&as_slices(&policy.to_args())));
            assert_eq!(again.as_ref(), Ok(policy), "2");
            let prefix = policy.prefix().as_bytes();
            let is_shorter = |other: &&Policy| {
                let other = other.prefix().as_bytes();
                other.len() < prefix.len() && prefix.starts_with(other)
            };
            let longest = self.iter().filter(is_shorter).max_by_key(|other| other.prefix().as_bytes().len());
            assert_eq!(shorter.and_then(|place| self.get(place)), longest, "4: {self}");
        }
        let heads = self.iter().map(|policy| head(policy.prefix().as_bytes()));
        assert!(self.heads.is_sorted() && heads.eq(self.heads.iter().copied()), "5: {self}");
        assert_eq!(Self::parse(self.to_string().as_bytes()).as_ref(), Ok(self), "3");
    }
}

fn as_slices(words: &[Vec<u8>]) -> Vec<&[u8]> {
    words.iter().map(Vec::as_slice).collect()
}

impl fmt::Display for Table {
    /// The text that [`Table::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, policy) in self.policies.iter().enumerate() {
            write!(f, "{}{policy}", if place == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
