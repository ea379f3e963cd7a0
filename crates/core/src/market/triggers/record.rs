//! An armed trigger as it lies in memory, and the pages that they lie in.

use super::legs::{Cause, Side};
use super::price::{Price, Source};
use crate::heap::{self, Measure};
use crate::relocation::Mover;

/// A leg as it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    /// Waits at a level.
    Fixed {
        /// Which leg it is, by what it would be the cause of.
        cause: Cause,
        by: Source,
        at: Price,
    },
    /// Follows the price; what it gives and has seen is with its node.
    Trail {
        by: Source,
        node: u32,
        /// Where it begins to track; 0 is at once.
        activate: Price,
    },
}

impl Leg {
    pub const fn cause(&self) -> Cause {
        match self {
            Self::Fixed { cause, .. } => *cause,
            Self::Trail { .. } => Cause::Trail,
        }
    }

    pub const fn by(&self) -> Source {
        match self {
            Self::Fixed { by, .. } | Self::Trail { by, .. } => *by,
        }
    }
}

/// An armed trigger.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub id: Box<[u8]>,
    /// Empty without one.
    pub payload: Box<[u8]>,
    pub legs: Box<[Leg]>,
    pub arming: u64,
    pub armed_at_ms: u64,
    /// [`u64::MAX`] when it does not expire.
    pub expires_ms: u64,
    pub side: Option<Side>,
    /// Whether a payload was given: an empty one is one.
    pub has_payload: bool,
}

/// How many records lie in a page.
const PAGE: usize = 64;

/// Records by slot. Pages, so that one more among a hundred thousand does not make room for as many again.
#[derive(Debug, Clone, Default)]
pub(super) struct Slab {
    pages: Vec<Vec<Option<Record>>>,
    free: Vec<u32>,
    len: usize,
}

impl Slab {
    pub const fn new() -> Self {
        Self { pages: Vec::new(), free: Vec::new(), len: 0 }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, slot: u32) -> Option<&Record> {
        self.pages.get(slot as usize / PAGE)?.get(slot as usize % PAGE)?.as_ref()
    }

    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Record> {
        self.pages.get_mut(slot as usize / PAGE)?.get_mut(slot as usize % PAGE)?.as_mut()
    }

    /// The slot that the next record gets.
    pub fn next_slot(&self) -> u32 {
        let last = self.pages.last().map_or(PAGE, Vec::len);
        self.free.last().copied().unwrap_or((self.pages.len() * PAGE + last - PAGE) as u32)
    }

    pub fn put(&mut self, record: Record) {
        self.len += 1;
        if let Some(slot) = self.free.pop() {
            let place = self.pages.get_mut(slot as usize / PAGE).and_then(|page| page.get_mut(slot as usize % PAGE));
            if let Some(place) = place {
                *place = Some(record);
            }
            return;
        }
        match self.pages.last_mut() {
            Some(page) if page.len() < PAGE => page.push(Some(record)),
            _ => {
                let mut page = if self.pages.is_empty() { Vec::new() } else { Vec::with_capacity(PAGE) };
                page.push(Some(record));
                self.pages.push(page);
            }
        }
    }

    pub fn take(&mut self, slot: u32) -> Option<Record> {
        let record = self.pages.get_mut(slot as usize / PAGE)?.get_mut(slot as usize % PAGE)?.take()?;
        self.len -= 1;
        if self.len == 0 {
            *self = Self::default();
        } else {
            self.free.push(slot);
        }
        Some(record)
    }

    /// All slots in use.
    pub fn slots(&self) -> impl Iterator<Item = u32> {
        let of_page = |(number, page): (usize, &Vec<Option<Record>>)| {
            let used = page.iter().enumerate().filter(|(_, record)| record.is_some());
            used.map(|(at, _)| (number * PAGE + at) as u32).collect::<Vec<_>>()
        };
        self.pages.iter().enumerate().flat_map(of_page)
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.pages, measure);
        heap::vec(&self.free, measure);
        self.pages.iter().for_each(|page| heap::vec(page, measure));
        for record in self.pages.iter().flatten().flatten() {
            heap::slice(&record.id, measure);
            heap::slice(&record.payload, measure);
            heap::slice(&record.legs, measure);
        }
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.pages);
        mover.vec(&mut self.free);
        self.pages.iter_mut().for_each(|page| mover.vec(page));
        for record in self.pages.iter_mut().flatten().flatten() {
            mover.slice(&mut record.id);
            mover.slice(&mut record.payload);
            mover.slice(&mut record.legs);
        }
    }
}
