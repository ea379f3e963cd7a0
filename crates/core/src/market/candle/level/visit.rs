//! Reading a level: its candles one by one, whole blocks where they will do, and the times of which rows tell.

use std::collections::vec_deque;
use std::ops::ControlFlow;

use super::Level;
use crate::market::candle::block::Block;
use crate::market::candle::{Candle, Span};
use crate::steps;

impl Level {
    /// Visits candles that begin in `span`, oldest first or newest first. Where `as_one` says so of a block's sum and of
    /// where its last candle begins, the block may come as one candle.
    pub fn visit(
        &self,
        span: Span,
        is_reversed: bool,
        as_one: impl Fn(&Candle, u64) -> bool,
        visit: &mut impl FnMut(&Candle) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut room = Vec::new();
        let of_block = |block: &Block| {
            let (first, last) = (block.first_start_ms, block.last_start_ms);
            if let Some(summary) = block.summary()
                && span.start_ms <= first
                && last < span.end_ms
                && as_one(summary, last)
            {
                steps::note(1);
                return visit(summary);
            }
            room.clear();
            block.unpack_within(span, &mut room);
            if is_reversed {
                room.iter().rev().try_for_each(&mut *visit)
            } else {
                room.iter().try_for_each(&mut *visit)
            }
        };
        let mut blocks = self.blocks_in(span);
        if is_reversed { blocks.rev().try_for_each(of_block) } else { blocks.try_for_each(of_block) }
    }

    /// The stretches of `span`, which begins with a candle, of which rows tell, newest first. No more than `most` rows are
    /// looked at; a block of rows without a hole counts as one.
    pub fn told_by_rows(&self, span: Span, mut most: usize) -> Vec<Span> {
        let mut told: Vec<Span> = Vec::new();
        let mut add = |span: Span| match told.last_mut() {
            Some(next) if next.start_ms == span.end_ms => next.start_ms = span.start_ms,
            _ => told.push(span),
        };
        let mut add_row = |candle: &Candle| {
            candle.told().into_iter().for_each(&mut add);
            ControlFlow::Continue(())
        };
        let _ = self.visit_fresh(span, true, &mut add_row);
        let mut room = Vec::new();
        for block in self.blocks_in(span).rev() {
            if most == 0 {
                break;
            }
            // Of rows without a hole between them.
            if let Some(whole) = block.summary().and_then(Candle::told) {
                steps::note(1);
                most -= 1;
                let end_ms = whole.end_ms.min(self.span(span.end_ms - 1).end_ms);
                add(Span { start_ms: whole.start_ms.max(span.start_ms), end_ms });
                continue;
            }
            room.clear();
            block.unpack_within(span, &mut room);
            most = most.saturating_sub(room.len());
            room.iter().rev().filter_map(Candle::told).for_each(&mut add);
        }
        told
    }

    /// The blocks with candles that begin in `span`.
    fn blocks_in(&self, span: Span) -> vec_deque::Iter<'_, Block> {
        let begin = self.blocks.partition_point(|block| block.last_start_ms < span.start_ms);
        let end = self.blocks.partition_point(|block| block.first_start_ms < span.end_ms).max(begin);
        self.blocks.range(begin..end)
    }

    /// Visits the unpacked candles that begin in `span`.
    pub fn visit_fresh(
        &self,
        span: Span,
        is_reversed: bool,
        visit: &mut impl FnMut(&Candle) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let is_wanted = |candle: &&Candle| (span.start_ms..span.end_ms).contains(&candle.start_ms);
        if is_reversed {
            self.fresh.iter().rev().filter(is_wanted).try_for_each(visit)
        } else {
            self.fresh.iter().filter(is_wanted).try_for_each(visit)
        }
    }
}
