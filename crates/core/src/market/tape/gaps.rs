//! Where trades may be missing: stretches of time, and the numbers that would fill them.

use std::ops::{Range, RangeInclusive};

/// Stretches remembered; one more, and the two nearest become one.
pub const MAX_GAPS: usize = 256;

/// A stretch of time in which trades may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The last known before it, Unix ms: what is missing is not earlier.
    pub from_ms: u64,
    /// The first known behind it, Unix ms: what is missing is not later.
    pub to_ms: u64,
    /// The numbers that are missing; `None` where they are not known, and what comes late is not taken for them.
    pub ids: Option<(u64, u64)>,
}

/// All gaps of a market, by where they begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gaps {
    list: Vec<Gap>,
}

impl Gaps {
    /// Gaps as they were saved; `None` when there are too many, or one is none.
    pub fn loaded(list: Vec<Gap>) -> Option<Self> {
        let is_sound = |gap: &Gap| gap.from_ms <= gap.to_ms && gap.ids.is_none_or(|(first, last)| first <= last);
        let are_apart = {
            let mut ids: Vec<_> = list.iter().filter_map(|gap| gap.ids).collect();
            ids.sort_unstable();
            ids.windows(2).all(|pair| matches!(pair, [before, after] if before.1 < after.0))
        };
        let ascending = list.is_sorted_by_key(|gap| gap.from_ms);
        (list.len() <= MAX_GAPS && ascending && are_apart && list.iter().all(is_sound)).then_some(Self { list })
    }

    /// The gaps, by where they begin.
    pub fn list(&self) -> &[Gap] {
        &self.list
    }

    /// Adds one.
    pub fn add(&mut self, gap: Gap) {
        let place = self.list.partition_point(|other| other.from_ms <= gap.from_ms);
        self.list.insert(place, gap);
        if self.list.len() > MAX_GAPS {
            self.join_nearest();
        }
    }

    /// Makes one gap of the two that are nearest to each other in time; which numbers it lacks is forgotten.
    fn join_nearest(&mut self) {
        let distance = |pair: &[Gap]| match pair {
            [before, after] => after.from_ms.saturating_sub(before.to_ms),
            _ => u64::MAX,
        };
        let nearest = self.list.windows(2).enumerate().min_by_key(|(_, pair)| distance(pair)).map(|(place, _)| place);
        if let Some(place) = nearest {
            let after = self.list.remove(place + 1);
            if let Some(before) = self.list.get_mut(place) {
                before.to_ms = before.to_ms.max(after.to_ms);
                before.ids = None;
            }
        }
    }

    /// Whether all of `ids` are missing.
    pub fn lacks(&self, ids: &RangeInclusive<u64>) -> bool {
        self.place_of(ids).is_some()
    }

    fn place_of(&self, ids: &RangeInclusive<u64>) -> Option<usize> {
        let holds = |gap: &Gap| gap.ids.is_some_and(|(first, last)| first <= *ids.start() && *ids.end() <= last);
        self.list.iter().rposition(holds)
    }

    /// The trades `ids`, which were missing, have come, at `ts_ms`. The gap is split where they lie.
    pub fn fill(&mut self, ids: &RangeInclusive<u64>, ts_ms: u64) {
        let Some(place) = self.place_of(ids) else { return };
        let gap = self.list.remove(place);
        let Some((first, last)) = gap.ids else { return };
        let ts_ms = ts_ms.clamp(gap.from_ms, gap.to_ms);
        if *ids.end() < last {
            self.add(Gap { from_ms: ts_ms, to_ms: gap.to_ms, ids: Some((ids.end() + 1, last)) });
        }
        if first < *ids.start() {
            self.add(Gap { from_ms: gap.from_ms, to_ms: ts_ms, ids: Some((first, ids.start() - 1)) });
        }
    }

    /// Everything from `start_ms` to before `end_ms` is known now.
    pub fn end(&mut self, start_ms: u64, end_ms: u64) {
        let touched: Vec<Gap> = self.list.extract_if(.., |gap| gap.from_ms < end_ms && gap.to_ms >= start_ms).collect();
        for mut gap in touched {
            if gap.from_ms < start_ms {
                self.add(Gap { from_ms: gap.from_ms, to_ms: start_ms - 1, ids: gap.ids.take() });
            }
            // Numbers stay with one side, the earlier: a trade is never taken for missing twice.
            if gap.to_ms >= end_ms {
                self.add(Gap { from_ms: end_ms, to_ms: gap.to_ms, ids: gap.ids.take() });
            }
        }
    }

    /// Forgets what lies before `ts_ms`, where nothing is held any more.
    pub fn forget_before(&mut self, ts_ms: u64) {
        if self.list.first().is_some_and(|gap| gap.to_ms < ts_ms) {
            self.list.retain(|gap| gap.to_ms >= ts_ms);
        }
    }

    /// Whether trades from `start_ms` to before `end_ms` may be missing.
    pub fn touch(&self, start_ms: u64, end_ms: u64) -> bool {
        self.list.iter().take_while(|gap| gap.from_ms < end_ms).any(|gap| gap.to_ms >= start_ms)
    }

    /// Where the gap lies that lacks all of `ids`.
    pub fn around(&self, ids: &RangeInclusive<u64>) -> Option<Range<u64>> {
        let gap = self.list.get(self.place_of(ids)?)?;
        Some(gap.from_ms..gap.to_ms.saturating_add(1))
    }

    /// What comes to lie in a gap as well, because two become one, when one from `stretch.start` to before its end is added.
    pub fn joined_by(&self, stretch: &Range<u64>) -> Range<u64> {
        if self.list.len() < MAX_GAPS {
            return 0..0;
        }
        let place = self.list.partition_point(|gap| gap.from_ms <= stretch.start);
        let (before, behind) = self.list.split_at_checked(place).unwrap_or_default();
        let known = |gap: &Gap| gap.from_ms..gap.to_ms.saturating_add(1);
        let all = before.iter().map(known).chain([stretch.clone()]).chain(behind.iter().map(known));
        let apart = all.clone().zip(all.skip(1)).map(|(a, b)| a.end..b.start.max(a.end));
        apart.min_by_key(|between| between.end - between.start).unwrap_or(0..0)
    }

    /// Whether changes inside gaps change nothing elsewhere: there is room, or two that touch become one.
    pub fn is_roomy(&self) -> bool {
        let touch = |pair: &[Gap]| matches!(pair, [before, after] if after.from_ms <= before.to_ms.saturating_add(1));
        self.list.len() <= MAX_GAPS / 2 || self.list.windows(2).any(touch)
    }

    /// The stretches in which trades may be missing, without what lies in two gaps.
    fn covered(&self) -> Vec<Range<u64>> {
        let mut covered: Vec<Range<u64>> = Vec::with_capacity(self.list.len());
        for gap in &self.list {
            let end_ms = gap.to_ms.saturating_add(1);
            match covered.last_mut().filter(|last| gap.from_ms <= last.end) {
                Some(last) => last.end = last.end.max(end_ms),
                None => covered.push(gap.from_ms..end_ms),
            }
        }
        covered
    }

    /// The stretches in which trades may be missing here or there, but not in both, ascending.
    pub fn differing(&self, other: &Self) -> Vec<Range<u64>> {
        // Each edge switches between known and not; where both switch nothing differs.
        let mut edges: Vec<u64> = Vec::new();
        for stretch in self.covered().into_iter().chain(other.covered()) {
            edges.extend([stretch.start, stretch.end]);
        }
        // Two runs, which this takes as they are.
        edges.sort();
        let mut switched: Vec<u64> = Vec::with_capacity(edges.len());
        for edge in edges {
            if switched.last() == Some(&edge) {
                switched.pop();
            } else {
                switched.push(edge);
            }
        }
        let (pairs, _) = switched.as_chunks::<2>();
        pairs.iter().map(|[start_ms, end_ms]| *start_ms..*end_ms).collect()
    }

    /// Its buffer.
    pub fn buffer(&mut self) -> &mut Vec<Gap> {
        &mut self.list
    }

    /// Measures its buffer.
    pub fn measure(&self, measure: &mut crate::heap::Measure<'_>) {
        crate::heap::vec(&self.list, measure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from_ms: u64, to_ms: u64, ids: Option<(u64, u64)>) -> Gap {
        Gap { from_ms, to_ms, ids }
    }

    #[test]
    fn what_comes_late_splits_its_gap_until_nothing_is_missing() {
        let mut gaps = Gaps::default();
        gaps.add(gap(10, 50, Some((5, 9))));
        gaps.fill(&(7..=7), 30);
        assert_eq!(gaps.list(), [gap(10, 30, Some((5, 6))), gap(30, 50, Some((8, 9)))]);
        assert!(!gaps.lacks(&(6..=8)) && gaps.lacks(&(5..=6)));
        gaps.fill(&(5..=6), 0);
        gaps.fill(&(8..=9), 99);
        assert_eq!(gaps.list(), []);
    }

    #[test]
    fn a_row_ends_the_gap_in_its_stretch_and_numbers_stay_on_one_side() {
        let mut gaps = Gaps::default();
        gaps.add(gap(10, 50, Some((5, 9))));
        gaps.end(20, 30);
        assert_eq!(gaps.list(), [gap(10, 19, Some((5, 9))), gap(30, 50, None)]);
        gaps.end(0, 31);
        assert_eq!(gaps.list(), [gap(31, 50, None)]);
        gaps.end(31, 51);
        assert_eq!(gaps.list(), []);
    }

    #[test]
    fn what_joining_adds_is_known_before() {
        let mut gaps = Gaps::default();
        for place in 0..MAX_GAPS as u64 {
            assert_eq!(gaps.joined_by(&(5..6)), 0..0);
            gaps.add(gap(place * 100, place * 100 + 10 + place % 70, None));
        }
        for (from_ms, to_ms) in [(30_000, 30_001), (5, 5), (40_000, 41_000), (150, 170)] {
            let before = gaps.clone();
            let joined = gaps.joined_by(&(from_ms..to_ms + 1));
            gaps.add(gap(from_ms, to_ms, None));
            let mut expected = vec![joined, from_ms..to_ms + 1];
            expected.retain(|stretch| !stretch.is_empty() && gaps.differing(&before).contains(stretch));
            expected.sort_by_key(|stretch| stretch.start);
            assert_eq!(gaps.differing(&before), expected, "{from_ms}");
        }
    }

    #[test]
    fn gaps_differ_where_only_one_side_has_them() {
        let gaps = |list: &[(u64, u64)]| {
            let mut gaps = Gaps::default();
            list.iter().for_each(|(from_ms, to_ms)| gaps.add(gap(*from_ms, *to_ms, None)));
            gaps
        };
        let (a, b) = (gaps(&[(0, 9), (5, 20), (21, 30), (50, 60)]), gaps(&[(10, 15), (40, 60)]));
        assert_eq!(a.differing(&b), [0..10, 16..31, 40..50]);
        assert_eq!(b.differing(&a), a.differing(&b));
        assert_eq!(a.differing(&a), []);
    }

    #[test]
    fn beyond_the_limit_the_two_nearest_become_one() {
        let mut gaps = Gaps::default();
        for place in 0..MAX_GAPS as u64 {
            gaps.add(gap(place * 100, place * 100 + 10, Some((place * 10, place * 10 + 2))));
        }
        gaps.add(gap(1_000_000, 1_000_001, Some((1_000_000, 1_000_001))));
        assert_eq!(gaps.list().len(), MAX_GAPS);
        assert_eq!(gaps.list().first(), Some(&gap(0, 110, None)));
        assert!(!gaps.lacks(&(0..=0)) && gaps.lacks(&(20..=20)));
        assert!(gaps.touch(50, 51) && !gaps.touch(111, 200));
    }
}
