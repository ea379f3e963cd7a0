//! What is kept of the events that left the raw tail: per span of time their sums and their distribution.

use thin_vec::ThinVec;

use super::heap::Measure;
use super::packed::Packed;
use super::raw_event::RawEvent;
use super::{Scale, Side, SidedSums};
use crate::panes::{self, Content};
use crate::relocation::Mover;

/// Counts and volumes of one exchange, buys first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VenueTotals {
    /// Number of the exchange in the series' list.
    pub venue: u8,
    /// Events per side.
    pub counts: [u32; 2],
    /// Notional per side, quote currency.
    pub volumes: [f64; 2],
}

/// What a pane holds: all that is known of the events of one span of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Digested {
    /// When each side's oldest and newest event was, ms behind the pane's start; buys first, meaningless without events.
    pub extent_ms: [(u32, u32); 2],
    /// Sums of both sides.
    pub sums: SidedSums,
    /// Totals per named exchange, by number.
    pub venues: ThinVec<VenueTotals>,
    /// The scale of the distribution: what was recorded while memory was short, or before that, may be coarser.
    pub scale: Scale,
    /// The distribution; the newest events of an archive may still wait beside it.
    pub packed: Packed,
}

/// A pane of events that left the raw tail.
pub type Pane = panes::Pane<Digested>;

impl Default for Digested {
    fn default() -> Self {
        let (sums, venues, packed) = (SidedSums::default(), ThinVec::new(), Packed::default());
        Self { extent_ms: [(u32::MAX, 0); 2], sums, venues, scale: Scale::FINEST, packed }
    }
}

impl Content for Digested {
    fn joined<'a>(parts: impl Iterator<Item = (u32, &'a Self)> + Clone) -> Self {
        let mut joined = Self::default();
        for (behind_ms, part) in parts.clone() {
            for side in Side::BOTH {
                if part.sums.side(side).count > 0 {
                    let (first_ms, last_ms) = part.extent_of(side);
                    joined.extend(side, behind_ms + first_ms, behind_ms + last_ms);
                }
            }
            joined.scale = joined.scale.min(part.scale);
            joined.sums.merge(&part.sums);
            part.venues.iter().for_each(|totals| joined.add_venue(totals));
        }
        joined.packed = if parts.clone().all(|(_, part)| part.scale == joined.scale) {
            Packed::joined(parts.map(|(_, part)| &part.packed))
        } else {
            let coarse: Vec<Packed> = parts.map(|(_, part)| part.packed_on(joined.scale)).collect();
            Packed::joined(coarse.iter())
        };
        joined
    }
}

impl Digested {
    /// The code of an event in the distribution.
    pub fn code(&self, event: &RawEvent) -> u16 {
        self.scale.bucket(event.size) * 2 + event.side as u16
    }

    fn packed_on(&self, coarser: Scale) -> Packed {
        self.packed.coarsened(self.scale.halvings_to(coarser))
    }

    /// Gives up precision beyond `coarsest`; everything is packed by then.
    pub fn coarsen(&mut self, coarsest: Scale) {
        if self.scale > coarsest {
            self.packed = self.packed_on(coarsest);
            self.scale = coarsest;
        }
    }

    const fn extent_of(&self, side: Side) -> (u32, u32) {
        let [buy, sell] = self.extent_ms;
        match side {
            Side::Buy => buy,
            Side::Sell => sell,
        }
    }

    fn extend(&mut self, side: Side, first_ms: u32, last_ms: u32) {
        let [buy, sell] = &mut self.extent_ms;
        let extent = if side == Side::Buy { buy } else { sell };
        extent.0 = extent.0.min(first_ms);
        extent.1 = extent.1.max(last_ms);
    }

    /// Adds everything of an event but its code; it lies `behind_ms` behind the pane's start.
    pub fn add(&mut self, event: &RawEvent, behind_ms: u32) {
        self.extend(event.side, behind_ms, behind_ms);
        self.sums.add(event.side, event.price, event.size);
        if event.venue != 0 {
            let mut totals = VenueTotals { venue: event.venue, counts: [0; 2], volumes: [0.0; 2] };
            totals.add(event.side, event.size);
            self.add_venue(&totals);
        }
    }

    fn add_venue(&mut self, more: &VenueTotals) {
        match self.venues.binary_search_by_key(&more.venue, |held| held.venue) {
            Ok(place) => {
                if let Some(held) = self.venues.get_mut(place) {
                    held.merge(more);
                }
            }
            Err(place) => {
                self.venues.reserve_exact(1);
                self.venues.insert(place, *more);
            }
        }
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        if self.venues.capacity() > 0 {
            // The length lies before the elements, so where the buffer begins is not known.
            measure(std::ptr::null(), size_of::<[usize; 2]>() + self.venues.capacity() * size_of::<VenueTotals>());
        }
        self.packed.measure(measure);
    }

    /// Moves the packed codes; where the venues' buffer begins is not known.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        self.packed.relocate(mover);
    }
}

impl Pane {
    /// Timestamps of the oldest and the newest event of one side, or of both.
    pub fn extent(&self, side: Option<Side>) -> Option<(u64, u64)> {
        let held = Side::BOTH
            .into_iter()
            .filter(|of| side.is_none_or(|side| side == *of) && self.content.sums.side(*of).count > 0)
            .map(|of| self.content.extent_of(of));
        let (first_ms, last_ms) = held.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        Some((self.start_ms + u64::from(first_ms), self.start_ms + u64::from(last_ms)))
    }

    /// Timestamp of the oldest event.
    pub fn first_ms(&self) -> u64 {
        self.extent(None).map_or(self.start_ms, |extent| extent.0)
    }

    /// Timestamp of the newest event.
    pub fn last_ms(&self) -> u64 {
        self.extent(None).map_or(self.start_ms, |extent| extent.1)
    }
}

impl VenueTotals {
    fn sides(&mut self) -> [(&mut u32, &mut f64); 2] {
        let ([buys, sells], [bought, sold]) = (&mut self.counts, &mut self.volumes);
        [(buys, bought), (sells, sold)]
    }

    /// Adds an event.
    pub fn add(&mut self, side: Side, size: f64) {
        let [buys, sells] = self.sides();
        let (count, volume) = if side == Side::Buy { buys } else { sells };
        *count = count.saturating_add(1);
        *volume += size;
    }

    /// Adds the events behind `other`, of the same exchange.
    pub fn merge(&mut self, other: &Self) {
        let mut other = *other;
        for ((count, volume), (more, bigger)) in self.sides().into_iter().zip(other.sides()) {
            *count = count.saturating_add(*more);
            *volume += *bigger;
        }
    }
}
