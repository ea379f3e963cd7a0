//! Pairing heaps in one arena: the least of each at its root, two of them melded in a step. What they hold are the
//! trailing stops of a ladder, each by how much it gives.

use super::legs::{Give, WHOLE};
use super::price::Price;
use crate::heap::{self, Measure};
use crate::relocation::Mover;
use crate::steps;

/// No node, no group, no trigger.
pub const NONE: u32 = u32::MAX;

/// A trailing stop in its heap.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// What it gives: a distance in price, or millionths of a percent below zero. A heap holds one kind.
    give: i128,
    /// Whose it is; [`NONE`] when the trigger is gone, and the node only stands in the way.
    pub slot: u32,
    /// The group it was put into, which may have been melded since; [`NONE`] while it tracks nothing.
    pub group: u32,
    child: u32,
    sibling: u32,
}

impl Node {
    const NOTHING: Self = Self { give: 0, slot: NONE, group: NONE, child: NONE, sibling: NONE };

    pub const fn new(slot: u32, give: Give) -> Self {
        let give = match give {
            Give::Distance(distance) => distance,
            Give::Percent(percent) => -(percent as i128),
        };
        Self { give, slot, ..Self::NOTHING }
    }

    /// How far behind the extreme.
    pub const fn give(&self) -> Give {
        if self.is_percent() { Give::Percent((-self.give) as u32) } else { Give::Distance(self.give) }
    }

    pub const fn is_percent(&self) -> bool {
        self.give < 0
    }

    /// The level at this extreme, both folded: due when the price is there or below. A percentage of the extreme is
    /// rounded up, since prices are whole: price ≤ extreme · (1 − percent) holds exactly when price ≤ this.
    pub const fn level(&self, extreme: Price) -> Price {
        if self.is_percent() {
            extreme - (extreme.abs() * -self.give + (WHOLE as i128 - 1)) / WHOLE as i128
        } else {
            extreme - self.give
        }
    }

    const fn is_before(&self, other: &Self) -> bool {
        self.give.unsigned_abs() < other.give.unsigned_abs()
    }
}

/// All nodes of a ladder, whatever heap they are in.
#[derive(Debug, Clone, Default)]
pub struct Arena {
    nodes: Vec<Node>,
}

impl Arena {
    pub fn with_capacity(nodes: usize) -> Self {
        Self { nodes: Vec::with_capacity(nodes) }
    }

    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    pub fn node(&self, at: u32) -> Node {
        self.nodes.get(at as usize).copied().unwrap_or(Node::NOTHING)
    }

    pub fn change(&mut self, at: u32, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(at as usize) {
            change(node);
        }
    }

    /// Adds a node that is in no heap.
    pub fn add(&mut self, node: Node) -> u32 {
        if self.nodes.len() == self.nodes.capacity() {
            // A quarter more, not twice as much: there may be a hundred thousand.
            self.nodes.reserve_exact(self.nodes.len() / 4 + 4);
        }
        self.nodes.push(Node { child: NONE, sibling: NONE, ..node });
        self.nodes.len() as u32 - 1
    }

    /// One heap of two; either may be [`NONE`]. Roots have no siblings.
    pub fn meld(&mut self, one: u32, other: u32) -> u32 {
        if one == NONE {
            return other;
        }
        if other == NONE {
            return one;
        }
        steps::note(1);
        let other_is_before = self.node(other).is_before(&self.node(one));
        let (root, child) = if other_is_before { (other, one) } else { (one, other) };
        let first = self.node(root).child;
        self.change(child, |node| node.sibling = first);
        self.change(root, |node| node.child = child);
        root
    }

    /// Takes the root out and gives the heap that is left: children melded in pairs, then the pairs from the last on.
    fn without_root(&mut self, root: u32) -> u32 {
        let mut next = self.node(root).child;
        self.change(root, |node| node.child = NONE);
        // The pairs, the last one first, chained by their free sibling links: no stack is needed.
        let mut pairs = NONE;
        while next != NONE {
            let one = next;
            let other = self.node(one).sibling;
            next = self.node(other).sibling;
            self.change(one, |node| node.sibling = NONE);
            self.change(other, |node| node.sibling = NONE);
            let pair = self.meld(one, other);
            self.change(pair, |node| node.sibling = pairs);
            pairs = pair;
        }
        let mut heap = NONE;
        while pairs != NONE {
            let behind = self.node(pairs).sibling;
            self.change(pairs, |node| node.sibling = NONE);
            heap = self.meld(heap, pairs);
            pairs = behind;
        }
        heap
    }

    /// The heap with a living root: dead ones are taken out, and stay in the arena until it is built anew.
    pub fn cleaned(&mut self, mut root: u32) -> u32 {
        while root != NONE && self.node(root).slot == NONE {
            root = self.without_root(root);
        }
        root
    }

    /// Collects whose level at this extreme is not below `price`. Whatever lies under one that is not due is not either.
    pub fn collect_due(&self, root: u32, extreme: Price, price: Price, stack: &mut Vec<u32>, due: &mut Vec<u32>) {
        stack.push(root);
        while let Some(at) = stack.pop() {
            let mut at = at;
            // Siblings in a loop, the first child of each on the stack.
            while at != NONE {
                steps::note(1);
                let node = self.node(at);
                if node.level(extreme) >= price {
                    if node.slot != NONE {
                        due.push(node.slot);
                    }
                    if node.child != NONE {
                        stack.push(node.child);
                    }
                }
                at = node.sibling;
            }
        }
    }

    /// Calls `each` with all nodes of a heap and their parents, in any order. For tests.
    pub fn walk(&self, root: u32, mut each: impl FnMut(u32, u32)) {
        let mut stack = vec![(root, NONE)];
        while let Some((mut at, parent)) = stack.pop() {
            while at != NONE {
                each(at, parent);
                let node = self.node(at);
                stack.push((node.child, at));
                at = node.sibling;
            }
        }
    }

    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.nodes, measure);
    }

    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.nodes);
    }
}
