//! The distribution inside a closed pane: sorted (code, count) pairs in about one byte each.
//!
//! A code is `bucket · 2 + side`. Each pair is one byte: some bits for the gap to the code before it, the others for the
//! count less 1; what does not fit follows as a LEB128 varint of the excess. How many bits the gap takes is said by the
//! first byte, and chosen so that the bytes are fewest: quiet panes are sparse, busy ones are dense with high counts.
//! The bytes are part of the disk layout.

use super::heap::Measure;
use crate::relocation::Mover;

/// Bits that the gap may take of a pair's byte: few where buckets are crowded, more where they are sparse.
const GAP_BITS: [u32; 2] = [5, 3];

/// How a pair's byte is divided.
#[derive(Debug, Clone, Copy)]
struct Split {
    count_bits: u32,
    /// The largest gap that a byte can tell, and so the sign that more follows.
    gap_escape: u32,
    count_escape: u32,
}

impl Split {
    const fn new(gap_bits: u32) -> Self {
        let count_bits = 8 - gap_bits;
        Self { count_bits, gap_escape: (1 << gap_bits) - 1, count_escape: (1 << count_bits) - 1 }
    }

    /// Bytes that a pair takes behind its own.
    const fn escaped_len(self, (gap, more): (u32, u32)) -> usize {
        let mut len = 0;
        if gap >= self.gap_escape {
            len += varint_len(gap - self.gap_escape);
        }
        if more >= self.count_escape {
            len += varint_len(more - self.count_escape);
        }
        len
    }
}

/// Packed pairs, ascending and without repetition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packed {
    bytes: Box<[u8]>,
}

impl Packed {
    /// Takes bytes of unknown origin: `None` unless they are pairs in the one form [`Packed::push`] writes, with codes
    /// below `codes` and a total of `total`.
    pub fn from_bytes(bytes: &[u8], codes: u32, total: [u64; 2]) -> Option<Self> {
        let (mut checked, mut cursor, mut found) = (Builder::default(), Pairs::new(bytes), [0_u64; 2]);
        for (code, count) in cursor.by_ref() {
            if u32::from(code) >= codes {
                return None;
            }
            checked.push(code, count);
            let [buy, sell] = &mut found;
            *(if code % 2 == 0 { buy } else { sell }) += u64::from(count);
        }
        // Written again from what was read, the bytes must be the same: no second spelling of a distribution.
        let checked = checked.finish();
        (*checked.bytes == *bytes && found == total).then_some(checked)
    }

    /// The bytes as they are kept and saved.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The pairs, ascending.
    pub fn pairs(&self) -> Pairs<'_> {
        Pairs::new(&self.bytes)
    }

    /// Adds the counts to `counts`, which has a place for every code of a scale `halvings` coarser.
    pub fn add_coarsened(&self, counts: &mut [u32], halvings: u32) {
        if halvings == 0 {
            return self.add_to(counts);
        }
        for (code, count) in self.pairs() {
            bump(counts, coarsened(code, halvings).into(), count);
        }
    }

    /// Adds the counts to `counts`, which has a place for every code. The sum of many panes is made of this.
    fn add_to(&self, counts: &mut [u32]) {
        let Some((gap_bits, mut rest)) = self.bytes.split_first() else { return };
        let (split, mut code) = (Split::new(u32::from(*gap_bits)), 0);
        while let Some((byte, behind)) = rest.split_first() {
            let (gap, more) = (u32::from(*byte) >> split.count_bits, u32::from(*byte) & split.count_escape);
            rest = behind;
            if gap == split.gap_escape || more == split.count_escape {
                let mut pairs = Pairs { rest: rest.iter(), split, next_code: code };
                let Some((escaped, count)) = pairs.behind(gap, more) else { return };
                bump(counts, escaped.into(), count);
                (rest, code) = (pairs.rest.as_slice(), pairs.next_code);
                continue;
            }
            code += gap;
            bump(counts, code as usize, more + 1);
            code += 1;
        }
    }

    /// These pairs and one more event per code of `codes`, which are sorted.
    pub fn with_codes(&self, codes: &[u16]) -> Self {
        let added = codes.chunk_by(|a, b| a == b).filter_map(|run| Some((*run.first()?, run.len() as u32)));
        merge(self.pairs(), added)
    }

    /// The pairs of all `parts`.
    pub fn joined<'a>(parts: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let mut few = parts.clone();
        match (few.next(), few.next(), few.next()) {
            (None, ..) => Self::default(),
            (Some(only), None, _) => only.clone(),
            (Some(a), Some(b), None) => merge(a.pairs(), b.pairs()),
            _ => Self::of_many(parts),
        }
    }

    fn of_many<'a>(parts: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let codes = parts.clone().filter_map(|part| part.pairs().last()).map(|(code, _)| usize::from(code) + 1).max();
        let mut counts = vec![0_u32; codes.unwrap_or(0)];
        parts.for_each(|part| part.add_to(&mut counts));
        let mut builder = Builder::default();
        let occupied = (0_u16..).zip(counts).filter(|(_, count)| *count > 0);
        occupied.for_each(|(code, count)| builder.push(code, count));
        builder.finish()
    }

    /// The pairs on a scale of so many mantissa bits less.
    pub fn coarsened(&self, halvings: u32) -> Self {
        let mut coarse = self.clone();
        for _ in 0..halvings {
            coarse = coarse.halved();
        }
        coarse
    }

    fn halved(&self) -> Self {
        let mut builder = Builder::default();
        // Neighbours fall together but the two sides alternate, so a window of four codes is gathered at a time.
        let mut pairs = self.pairs().peekable();
        while let Some((code, count)) = pairs.next() {
            let mut counts = [0_u32; 2];
            let bucket = code / 4;
            let mut next = Some((code, count));
            while let Some((code, count)) = next {
                let [buy, sell] = &mut counts;
                let slot = if code % 2 == 0 { buy } else { sell };
                *slot = slot.saturating_add(count);
                next = pairs.next_if(|(code, _)| code / 4 == bucket);
            }
            for (side, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                builder.push(bucket * 2 + side as u16, count);
            }
        }
        builder.finish()
    }

    /// Measures the buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        if !self.bytes.is_empty() {
            measure(self.bytes.as_ptr(), self.bytes.len());
        }
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        if !self.bytes.is_empty() {
            mover.slice(&mut self.bytes);
        }
    }
}

/// A code on a scale of so many mantissa bits less.
pub const fn coarsened(code: u16, halvings: u32) -> u16 {
    (((code >> 1) >> halvings) << 1) | (code & 1)
}

fn merge(a: impl Iterator<Item = (u16, u32)>, b: impl Iterator<Item = (u16, u32)>) -> Packed {
    let (mut a, mut b, mut builder) = (a.peekable(), b.peekable(), Builder::default());
    loop {
        let code = match (a.peek(), b.peek()) {
            (Some((x, _)), Some((y, _))) => *x.min(y),
            (Some((x, _)), None) => *x,
            (None, Some((y, _))) => *y,
            (None, None) => return builder.finish(),
        };
        let from_a = a.next_if(|pair| pair.0 == code).map_or(0, |pair| pair.1);
        let from_b = b.next_if(|pair| pair.0 == code).map_or(0, |pair| pair.1);
        builder.push(code, from_a.saturating_add(from_b));
    }
}

/// Gathers pairs until it is known how to write them shortest.
#[derive(Default)]
struct Builder {
    /// Gap before the code, and count less 1.
    pairs: Vec<(u32, u32)>,
    next_code: u32,
}

impl Builder {
    /// Appends `count` ≥ 1 events of `code`, which is above all codes before it.
    fn push(&mut self, code: u16, count: u32) {
        self.pairs.push((u32::from(code) - self.next_code, count - 1));
        self.next_code = u32::from(code) + 1;
    }

    fn finish(self) -> Packed {
        if self.pairs.is_empty() {
            return Packed::default();
        }
        let mut lens = GAP_BITS.map(|_| self.pairs.len());
        // A gap and a count this small stand in the byte however it is divided.
        for pair in self.pairs.iter().filter(|(gap, more)| (gap | more) >= 7) {
            for (len, gap_bits) in lens.iter_mut().zip(GAP_BITS) {
                *len += Split::new(gap_bits).escaped_len(*pair);
            }
        }
        let (gap_bits, len) = if lens[1] < lens[0] { (GAP_BITS[1], lens[1]) } else { (GAP_BITS[0], lens[0]) };
        let split = Split::new(gap_bits);
        let mut bytes = Vec::with_capacity(1 + len);
        bytes.push(gap_bits as u8);
        for (gap, more) in self.pairs {
            bytes.push((gap.min(split.gap_escape) << split.count_bits | more.min(split.count_escape)) as u8);
            if gap >= split.gap_escape {
                push_varint(&mut bytes, gap - split.gap_escape);
            }
            if more >= split.count_escape {
                push_varint(&mut bytes, more - split.count_escape);
            }
        }
        Packed { bytes: bytes.into_boxed_slice() }
    }
}

/// Bytes that a LEB128 varint takes.
const fn varint_len(value: u32) -> usize {
    let bits = u32::BITS - value.leading_zeros();
    if bits == 0 { 1 } else { bits.div_ceil(7) as usize }
}

#[inline]
fn bump(counts: &mut [u32], code: usize, count: u32) {
    if let Some(slot) = counts.get_mut(code) {
        *slot = slot.saturating_add(count);
    }
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads pairs; ends early at bytes that are none.
#[derive(Debug, Clone)]
pub struct Pairs<'a> {
    rest: std::slice::Iter<'a, u8>,
    split: Split,
    next_code: u32,
}

impl<'a> Pairs<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut rest = bytes.iter();
        let gap_bits = rest.next().map(|bits| u32::from(*bits)).filter(|bits| GAP_BITS.contains(bits));
        // Bytes that begin otherwise hold no pairs.
        let rest = if gap_bits.is_some() { rest } else { [].iter() };
        Self { rest, split: Split::new(gap_bits.unwrap_or(GAP_BITS[0])), next_code: 0 }
    }

    fn varint(&mut self) -> Option<u32> {
        let mut value = 0_u32;
        for shift in (0..35).step_by(7) {
            let byte = *self.rest.next()?;
            value |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

impl Iterator for Pairs<'_> {
    type Item = (u16, u32);

    #[inline]
    fn next(&mut self) -> Option<(u16, u32)> {
        let byte = u32::from(*self.rest.next()?);
        self.behind(byte >> self.split.count_bits, byte & self.split.count_escape)
    }
}

impl Pairs<'_> {
    /// The pair whose first byte was taken.
    #[inline]
    fn behind(&mut self, mut gap: u32, mut more: u32) -> Option<(u16, u32)> {
        if gap == self.split.gap_escape {
            gap = gap.checked_add(self.varint()?)?;
        }
        if more == self.split.count_escape {
            more = more.checked_add(self.varint()?)?;
        }
        let code = self.next_code.checked_add(gap)?;
        self.next_code = code.checked_add(1)?;
        Some((u16::try_from(code).ok()?, more.checked_add(1)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn pack(counts: &BTreeMap<u16, u32>) -> Packed {
        let mut builder = Builder::default();
        counts.iter().for_each(|(code, count)| builder.push(*code, *count));
        builder.finish()
    }

    fn totals(counts: &BTreeMap<u16, u32>) -> [u64; 2] {
        let of = |side| counts.iter().filter(|(code, _)| *code % 2 == side).map(|(_, n)| u64::from(*n)).sum();
        [of(0), of(1)]
    }

    fn counts() -> impl Strategy<Value = BTreeMap<u16, u32>> {
        let count = prop_oneof![1_u32..12, 1_u32..1_000_000];
        prop::collection::btree_map(prop_oneof![0_u16..200, 0_u16..20_480], count, 0..100)
    }

    proptest! {
        #[test]
        fn packing_loses_nothing(counts in counts()) {
            let packed = pack(&counts);
            prop_assert_eq!(packed.pairs().collect::<BTreeMap<_, _>>(), counts.clone());
            let mut dense = vec![0; 20_480];
            packed.add_to(&mut dense);
            let occupied = (0_u16..).zip(dense).filter(|(_, count)| *count > 0);
            prop_assert_eq!(occupied.collect::<BTreeMap<_, _>>(), counts.clone());
            prop_assert_eq!(Packed::from_bytes(packed.as_bytes(), 20_480, totals(&counts)), Some(packed));
        }

        #[test]
        fn merging_and_inserting_add_counts(a in counts(), mut codes in prop::collection::vec(0_u16..300, 0..80)) {
            codes.sort_unstable();
            let mut expected = a.clone();
            codes.iter().for_each(|code| *expected.entry(*code).or_default() += 1);
            let inserted = pack(&a).with_codes(&codes);
            prop_assert_eq!(inserted.pairs().collect::<BTreeMap<_, _>>(), expected.clone());
            let (a, b) = (pack(&a), Packed::default().with_codes(&codes));
            prop_assert_eq!(Packed::joined([&a, &b].into_iter()), inserted.clone());
            let twice = inserted.with_codes(&codes);
            prop_assert_eq!(Packed::joined([&a, &b, &b].into_iter()), twice);
        }

        #[test]
        fn halving_adds_neighbouring_buckets_of_a_side(a in counts()) {
            let mut expected = BTreeMap::new();
            a.iter().for_each(|(code, n)| *expected.entry(code / 4 * 2 + code % 2).or_insert(0) += n);
            prop_assert_eq!(pack(&a).halved().pairs().collect::<BTreeMap<_, _>>(), expected);
        }

        #[test]
        fn foreign_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..64), total in 0_u64..100) {
            let _ = Packed::from_bytes(&bytes, 10_240, [total, total]);
        }
    }
}
