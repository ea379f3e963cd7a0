//! The trailing stops of one source and direction, in groups by the extreme they have seen. All prices are folded: they
//! fall towards a level, and an extreme is the highest.
//!
//! What a stop has seen matters, not when it began: all that have seen the same highest price stay together for ever, and
//! a price above several groups melds them into one. A group becomes due at the level of the member that gives least.

use std::collections::BinaryHeap;

use super::heap::{Arena, NONE, Node};
use super::legs::Give;
use super::price::Price;
use super::rung::Rung;
use super::sorted::Sorted;
use crate::heap::{self, Measure};
use crate::relocation::Mover;
use crate::steps;

/// All that have seen the same highest price.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub extreme: Price,
    /// The highest level of a member.
    pub level: Price,
    /// The heap of those that give a distance.
    pub distance: u32,
    /// The heap of those that give a percentage.
    pub percent: u32,
    /// Living members; a group without is gone.
    pub live: u32,
    /// The group it was melded into.
    pub into: u32,
}

const NOBODY: Group =
    Group { extreme: Price::MIN, level: Price::MIN, distance: NONE, percent: NONE, live: 0, into: NONE };

/// Entries in the heap of levels before it is built anew, for so many groups.
const fn most_levels(groups: usize) -> usize {
    groups + groups / 4 + 8
}

/// Dead nodes beyond the living before all is built anew.
const DEAD: usize = 64;

/// The groups and their members; and the stops that track nothing yet, which are nodes without a group.
#[derive(Debug, Clone, Default)]
pub(super) struct Trails {
    pub arena: Arena,
    pub groups: Vec<Group>,
    /// The groups by extreme, the lowest last: that is the first to be melded. Keys are extremes with the sign changed.
    pub order: Sorted<Rung>,
    /// The levels of groups. An entry counts while its group has that level: what changed is found out on top.
    pub nearest: BinaryHeap<Rung>,
    /// Nodes whose trigger is gone.
    pub dead: usize,
}

impl Trails {
    pub fn group(&self, at: u32) -> Group {
        self.groups.get(at as usize).copied().unwrap_or(NOBODY)
    }

    fn change(&mut self, at: u32, change: impl FnOnce(&mut Group)) {
        if let Some(group) = self.groups.get_mut(at as usize) {
            change(group);
        }
    }

    /// The group that this one has become.
    pub fn root(&self, mut at: u32) -> u32 {
        while self.group(at).into != NONE {
            at = self.group(at).into;
        }
        at
    }

    /// The same; halves the way for the next who asks.
    fn find(&mut self, mut at: u32) -> u32 {
        loop {
            steps::note(1);
            let into = self.group(at).into;
            let beyond = self.group(into).into;
            if into == NONE || beyond == NONE {
                return if into == NONE { at } else { into };
            }
            self.change(at, |group| group.into = beyond);
            at = beyond;
        }
    }

    /// Adds a stop that tracks nothing yet.
    pub fn add(&mut self, slot: u32, give: Give) -> u32 {
        self.arena.add(Node::new(slot, give))
    }

    /// The highest price that the stop has seen; none while it tracks nothing.
    pub fn extreme(&self, node: u32) -> Option<Price> {
        let group = self.arena.node(node).group;
        (group != NONE).then(|| self.group(self.root(group)).extreme)
    }

    /// The level of a stop that tracks.
    pub fn level(&self, node: u32) -> Option<Price> {
        self.extreme(node).map(|extreme| self.arena.node(node).level(extreme))
    }

    /// Lets a stop track: it has seen `extreme`.
    pub fn track(&mut self, node: u32, extreme: Price) {
        let key = -extreme;
        let known = self.order.find(|rung| rung.level < key).filter(|rung| rung.level == key);
        let group = known.map_or_else(|| self.new_group(extreme), |rung| rung.slot);
        self.arena.change(node, |node| node.group = group);
        let Group { distance, percent, .. } = self.group(group);
        if self.arena.node(node).is_percent() {
            let percent = self.arena.meld(percent, node);
            self.change(group, |group| group.percent = percent);
        } else {
            let distance = self.arena.meld(distance, node);
            self.change(group, |group| group.distance = distance);
        }
        self.change(group, |group| group.live += 1);
        self.set_level(group);
    }

    fn new_group(&mut self, extreme: Price) -> u32 {
        if self.groups.len() == self.groups.capacity() {
            self.groups.reserve_exact(self.groups.len() / 4 + 4);
        }
        let group = self.groups.len() as u32;
        self.groups.push(Group { extreme, ..NOBODY });
        self.order.insert(Rung { level: -extreme, slot: group });
        // Room for all that is ever pushed between two buildings of the heap: a price pushes, and allocates nothing.
        let most = most_levels(self.order.len());
        if self.nearest.capacity() < most {
            self.nearest.reserve_exact((most + most / 8).saturating_sub(self.nearest.len()));
        }
        group
    }

    /// Takes note of a price: what lies below it has seen it now.
    pub fn raise(&mut self, price: Price) {
        let mut raised = NONE;
        while let Some(lowest) = self.order.last()
            && -lowest.level <= price
        {
            if -lowest.level == price && raised == NONE {
                return;
            }
            self.order.pop_last();
            raised = self.meld(raised, lowest.slot);
        }
        if raised != NONE {
            self.change(raised, |group| group.extreme = price);
            self.order.insert(Rung { level: -price, slot: raised });
            self.set_level(raised);
        }
    }

    /// One group of two: the one of more goes on. Its extreme and level are the caller's to set.
    fn meld(&mut self, one: u32, other: u32) -> u32 {
        if one == NONE {
            return other;
        }
        let (a, b) = (self.group(one), self.group(other));
        let (stays, goes) = if a.live >= b.live { (one, other) } else { (other, one) };
        let distance = self.arena.meld(a.distance, b.distance);
        let percent = self.arena.meld(a.percent, b.percent);
        self.change(stays, |group| *group = Group { distance, percent, live: a.live + b.live, ..*group });
        // Its level is none, so that what the heap says of it counts no more.
        self.change(goes, |group| *group = Group { into: stays, ..NOBODY });
        stays
    }

    /// Takes a stop out. One that tracks nothing was only a node.
    pub fn remove(&mut self, node: u32) {
        let group = self.arena.node(node).group;
        self.arena.change(node, |node| node.slot = NONE);
        self.dead += 1;
        if group == NONE {
            return;
        }
        let group = self.find(group);
        self.change(group, |group| group.live -= 1);
        let Group { live, extreme, .. } = self.group(group);
        if live == 0 {
            self.order.remove(Rung { level: -extreme, slot: group });
            self.change(group, |group| *group = NOBODY);
            return;
        }
        self.set_level(group);
    }

    /// Sets the level by the members that give least, and tells the heap when it is another than before.
    fn set_level(&mut self, at: u32) {
        let Group { extreme, level, distance, percent, .. } = self.group(at);
        let (distance, percent) = (self.arena.cleaned(distance), self.arena.cleaned(percent));
        let of = |root: u32| if root == NONE { Price::MIN } else { self.arena.node(root).level(extreme) };
        let now = of(distance).max(of(percent));
        self.change(at, |group| *group = Group { level: now, distance, percent, ..*group });
        if now == level {
            return;
        }
        if self.nearest.len() >= most_levels(self.order.len()) {
            self.rebuild_levels();
        } else {
            self.nearest.push(Rung { level: now, slot: at });
        }
    }

    fn rebuild_levels(&mut self) {
        steps::note(self.order.len());
        let mut rungs = std::mem::take(&mut self.nearest).into_vec();
        rungs.clear();
        rungs.extend(self.order.iter().map(|rung| Rung { level: self.group(rung.slot).level, slot: rung.slot }));
        self.nearest = rungs.into();
    }

    /// The highest level of all groups; forgets what lies above it and counts no more.
    pub fn nearest_level(&mut self) -> Price {
        while let Some(top) = self.nearest.peek() {
            if self.counts(top) {
                return top.level;
            }
            steps::note(1);
            self.nearest.pop();
        }
        Price::MIN
    }

    fn counts(&self, rung: &Rung) -> bool {
        let group = self.group(rung.slot);
        group.live > 0 && group.level == rung.level
    }

    /// The lowest extreme, where the next price that is higher changes something.
    pub fn lowest_extreme(&self) -> Option<Price> {
        self.order.last().map(|rung| -rung.level)
    }

    /// Collects whose level is not below `price`. They have to be removed: the heap forgets their groups until then.
    pub fn collect_due(&mut self, price: Price, stack: &mut Vec<u32>, due: &mut Vec<u32>) {
        while let Some(top) = self.nearest.peek().copied()
            && (top.level >= price || !self.counts(&top))
        {
            self.nearest.pop();
            // A level may stand there twice; a trigger is taken once, whoever collects it.
            if self.counts(&top) {
                let Group { extreme, distance, percent, .. } = self.group(top.slot);
                self.arena.collect_due(distance, extreme, price, stack, due);
                self.arena.collect_due(percent, extreme, price, stack, due);
            }
        }
    }

    /// Whether more is dead than alive, so that building anew costs what was spared.
    pub fn is_worn(&self) -> bool {
        // Groups need no look: each was begun by a node, and none begins two.
        self.dead > self.arena.len() - self.dead + DEAD
    }

    /// Builds everything anew without the dead, and tells the new node of each trigger.
    pub fn compact(&mut self, mut moved: impl FnMut(u32, u32)) {
        let old = std::mem::take(self);
        steps::note(old.arena.len() + old.groups.len());
        let living = old.arena.len() - old.dead;
        self.arena = Arena::with_capacity(living);
        let mut place = vec![NONE; old.groups.len()];
        for rung in old.order.iter() {
            let group = self.new_group(-rung.level);
            if let Some(new) = place.get_mut(rung.slot as usize) {
                *new = group;
            }
        }
        for node in old.arena.iter().filter(|node| node.slot != NONE) {
            let at = self.arena.add(Node::new(node.slot, node.give()));
            moved(node.slot, at);
            if node.group != NONE {
                let group = place.get(old.root(node.group) as usize).copied().unwrap_or(NONE);
                self.put_back(at, group);
            }
        }
        for group in 0..self.groups.len() as u32 {
            self.set_level(group);
        }
    }

    fn put_back(&mut self, node: u32, group: u32) {
        self.arena.change(node, |node| node.group = group);
        let Group { distance, percent, live, .. } = self.group(group);
        let is_percent = self.arena.node(node).is_percent();
        let melded = self.arena.meld(if is_percent { percent } else { distance }, node);
        let (distance, percent) = if is_percent { (distance, melded) } else { (melded, percent) };
        self.change(group, |group| *group = Group { distance, percent, live: live + 1, ..*group });
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        self.arena.measure(measure);
        heap::vec(&self.groups, measure);
        self.order.measure(measure);
        let levels = self.nearest.as_slice();
        if self.nearest.capacity() > 0 {
            measure(levels.as_ptr().cast(), self.nearest.capacity() * size_of::<Rung>());
        }
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        self.arena.relocate(mover);
        mover.vec(&mut self.groups);
        self.order.relocate(mover);
        let mut levels = std::mem::take(&mut self.nearest).into_vec();
        mover.vec(&mut levels);
        self.nearest = levels.into();
    }
}
