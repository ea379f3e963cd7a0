//! The numbered invariants of the triggers, asserted: for tests and fuzzing.

use super::heap::NONE;
use super::ladder::{Ladder, start_key};
use super::price::{Direction, Source};
use super::record::{Leg, Record};
use super::terms::MAX_ARMING;
use super::triggers::Triggers;

impl Triggers {
    /// Asserts the invariants of the module's documentation.
    ///
    /// # Panics
    /// When one does not hold.
    #[doc(hidden)]
    pub fn check(&self) {
        let records: Vec<(u32, &Record)> =
            self.slab.slots().filter_map(|slot| Some((slot, self.slab.get(slot)?))).collect();
        assert_eq!(records.len(), self.slab.len(), "I1 the slab holds as many as it says");
        let sorted = [self.ids.len(), self.armings.len()];
        assert_eq!(sorted, [records.len(); 2], "I1 every record is in the lists by id and arming");
        let ids: Vec<&[u8]> =
            self.ids.iter().filter_map(|slot| self.slab.get(slot)).map(|record| &*record.id).collect();
        assert!(ids.is_sorted_by(|one, other| one < other), "I2 ids ascend, each once");
        let armings: Vec<u64> = self.armings.iter().map(|(arming, _)| arming).collect();
        assert!(armings.is_sorted_by(|one, other| one < other), "I3 armings ascend, each once");
        let greatest = armings.last().copied().max(self.outbox.iter().map(|fire| fire.arming).max()).unwrap_or(0);
        assert!(greatest <= self.last_arming && self.last_arming <= MAX_ARMING, "I3 none is greater than the last");
        let expiring = records.iter().filter(|(_, record)| record.expires_ms != u64::MAX).count();
        assert_eq!(expiring, self.expiries.len(), "I4 the list of expiries holds what expires");
        for (slot, record) in &records {
            assert_eq!(self.slot_of(&record.id), Some(*slot), "I2 it is found by its id");
            let arming = (record.arming, *slot);
            assert_eq!(self.armings.find(|entry| *entry < arming), Some(arming), "I3 it is found by its arming");
            assert!(self.view(record).is_some(), "I5 its legs are those of a trigger");
            self.check_legs(*slot, record);
        }
        let waiting = records.iter().filter(|(_, record)| self.waits(record)).count();
        assert_eq!(waiting, self.waiting, "I6 as many wait as are counted");
        let of = |is_fixed: bool| {
            records
                .iter()
                .flat_map(|(_, record)| &record.legs)
                .filter(move |leg| is_fixed == matches!(leg, Leg::Fixed { .. }))
                .count()
        };
        let ladders = self.ladders.iter().flatten();
        let levels: usize = ladders.clone().map(|ladder| ladder.levels.len()).sum();
        let nodes: usize = ladders.clone().map(|ladder| ladder.trails.arena.len() - ladder.trails.dead).sum();
        assert_eq!((levels, nodes), (of(true), of(false)), "L1 ladders hold the legs and nothing else");
        let starts = ladders.clone().map(|ladder| ladder.starts.len()).sum::<usize>();
        let members: usize = ladders.map(|ladder| check_ladder(ladder)).sum();
        assert_eq!(members + starts + self.asleep.len(), nodes, "G6 a living node is in a group, waits or sleeps");
        assert!(self.outbox.iter().all(super::fire::Fire::is_possible), "O1 what is owed can be told");
    }

    fn check_legs(&self, slot: u32, record: &Record) {
        for leg in &record.legs {
            let direction = leg.cause().direction(record.side);
            let ladder = self.ladder(leg.by(), direction);
            assert!(ladder.is_some(), "L1 a leg has its ladder");
            let Some(ladder) = ladder else { continue };
            match *leg {
                Leg::Fixed { at, .. } => {
                    let level = direction.fold(at);
                    let found =
                        ladder.levels.iter_from(|rung| rung.level < level).take_while(|rung| rung.level == level);
                    assert!(found.into_iter().any(|rung| rung.slot == slot), "L1 a level is on its ladder");
                }
                Leg::Trail { node, activate, .. } => {
                    assert_eq!(ladder.trails.arena.node(node).slot, slot, "L1 a stop has its node");
                    let start = start_key(direction, activate);
                    let waits = ladder.starts.iter().any(|rung| rung.slot == slot && rung.level == start);
                    let sleeper = record.sleeper(leg.by(), slot);
                    let sleeps = self.asleep.find(|other| *other < sleeper) == Some(sleeper);
                    let seen = ladder.trails.extreme(node).is_some();
                    let ways = [seen, waits, sleeps].into_iter().filter(|is_one| *is_one).count();
                    assert_eq!(ways, 1, "L2 it has seen a price, waits for one or sleeps");
                }
            }
        }
    }

    /// How many groups the trailing stops of a source are in, for those who count.
    #[doc(hidden)]
    pub fn groups(&self, source: Source) -> usize {
        Direction::BOTH
            .iter()
            .filter_map(|direction| self.ladder(source, *direction))
            .map(|ladder| ladder.trails.order.len())
            .sum()
    }
}

/// How many are in groups.
fn check_ladder(ladder: &Ladder) -> usize {
    assert_eq!(ladder.clone().edges(), ladder.known_edges(), "L3 the edges are those of what is held");
    let trails = &ladder.trails;
    let extremes: Vec<_> = trails.order.iter().collect();
    assert!(extremes.is_sorted_by(|one, other| one.level < other.level), "G1 one group for each extreme");
    let mut nearest = None;
    let mut members = 0;
    for rung in &extremes {
        let group = trails.group(rung.slot);
        assert_eq!((group.into, -group.extreme), (NONE, rung.level), "G1 a group lies at its extreme");
        let mut live = 0;
        let mut highest = None;
        for (root, is_percent) in [(group.distance, false), (group.percent, true)] {
            assert!(root == NONE || trails.arena.node(root).slot != NONE, "G4 no heap has a dead root");
            trails.arena.walk(root, |at, parent| {
                let node = trails.arena.node(at);
                assert_eq!(node.is_percent(), is_percent, "G2 a heap holds one kind");
                assert_eq!(trails.root(node.group), rung.slot, "G2 members know their group");
                let level = node.level(group.extreme);
                assert!(
                    parent == NONE || trails.arena.node(parent).level(group.extreme) >= level,
                    "G3 none gives less than its parent"
                );
                if node.slot != NONE {
                    live += 1;
                    highest = highest.max(Some(level));
                }
            });
        }
        assert_eq!((live, highest), (group.live, Some(group.level)), "G4 a group knows its members and its level");
        assert!(live > 0, "G4 a group without members is gone");
        assert!(
            trails.nearest.iter().any(|entry| entry.slot == rung.slot && entry.level == group.level),
            "G5 the heap of levels knows every group's"
        );
        nearest = nearest.max(highest);
        members += live as usize;
    }
    let dead = trails.arena.iter().filter(|node| node.slot == NONE).count();
    assert_eq!(dead, trails.dead, "G6 the dead are counted");
    assert!(!trails.is_worn(), "G7 no more is dead than alive");
    members
}
