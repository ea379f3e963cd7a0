//! The batch of a refresh: what is asked, of which keys, whose turn it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use redis::{Cmd, Pipeline, cmd};
use redis_liq::{RangeQuery, Scope, StatsQuery, command, ticks};

use super::{Board, HOUR_MS, Part, Series};
use crate::names::Key;

/// Series read in one batch: a few milliseconds of the server.
const MOST_SERIES: usize = 400;
/// Markets whose price is read in one batch.
const MOST_MARKETS: usize = 200;
/// Limiters read in one batch.
const MOST_LIMITERS: usize = 100;
/// Streams of signals read in one batch.
const MOST_STREAMS: usize = 50;
/// What changes slowly (options, charts, triggers) is read in so many refreshes.
const SLOW_TURN: usize = 30;
/// And at most so many of it in one batch.
const MOST_SLOW: usize = 20;
/// Charts in one batch as long as some were never read: they are the dearest thing that is asked.
const MOST_CHARTS: usize = 60;
/// Events asked for at once, and when a series is looked at for the first time.
const MOST_EVENTS: usize = 100;
const FIRST_EVENTS: usize = 20;
/// Signals asked for at once, of each stream.
const MOST_SIGNALS: usize = 50;

/// What a reply answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The server's clock.
    Time,
    /// INFO.
    Server,
    /// LIQ.MEMORY.
    Memory,
    /// What a key that may be new is.
    Type(Key),
    /// LIQ.INFO.
    Info(Key),
    /// LIQ.STATS over a window of so many milliseconds.
    Stats(Key, u64),
    /// LIQ.STATS by minute.
    Hour(Key),
    /// LIQ.RANGE: events that came since.
    Newest(Key),
    /// TICK.LAST.
    Price(Key),
    /// TICK.INFO.
    Market(Key),
    /// RL.INFO.
    Limiter(Key),
    /// XREVRANGE.
    Signals(Key),
    /// KEYS.AUDIT STATUS.
    Audit,
    /// KEYS.AUDIT REPORT.
    Report,
    /// KEYS.POLICY LIST.
    Policies,
    /// A part of what is shown of one series alone.
    Closely(Key, Part),
}

/// One round trip.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is sent.
    pub pipeline: Pipeline,
    /// What each reply answers.
    pub questions: Vec<Question>,
}

impl Batch {
    pub(super) fn ask(&mut self, question: Question, command: Cmd) {
        self.pipeline.add_command(command);
        self.questions.push(question);
    }
}

/// The keys whose turn it is, at most `most`, going round.
fn turn<'a, V>(
    map: &'a BTreeMap<Key, V>,
    next: &mut Option<Key>,
    most: usize,
    is_asked: impl Fn(&V) -> bool + 'a,
) -> Vec<(Key, &'a V)> {
    let from = next.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let to = next.as_ref().map_or(Bound::Unbounded, Bound::Included);
    let behind = map.range::<Key, _>((from, Bound::Unbounded));
    // Without a place to begin at the first part is all there is.
    let before = map.range::<Key, _>((Bound::Unbounded, to)).take(if next.is_some() { usize::MAX } else { 0 });
    let chosen: Vec<_> = behind
        .chain(before)
        .filter(|(_, value)| is_asked(value))
        .take(most)
        .map(|(key, value)| (key.clone(), value))
        .collect();
    if let Some((last, _)) = chosen.last() {
        *next = Some(last.clone());
    }
    chosen
}

impl Board {
    /// How many of `all` are asked what changes slowly.
    fn slow(&self, all: usize) -> usize {
        if self.is_thorough { MOST_SERIES } else { all.div_ceil(SLOW_TURN).min(MOST_SLOW) }
    }

    /// What is asked now. Keys that `may_be_new` are asked what they are.
    pub fn batch(&mut self, may_be_new: impl Iterator<Item = Key>) -> Batch {
        let mut batch = Batch::default();
        batch.ask(Question::Time, cmd("TIME"));
        let mut info = cmd("INFO");
        for section in ["server", "clients", "memory", "stats", "replication", "cluster", "liq"] {
            info.arg(section);
        }
        batch.ask(Question::Server, info);
        batch.ask(Question::Memory, command::liq_memory());
        let untyped: BTreeSet<Key> = may_be_new.chain(std::mem::take(&mut self.untyped)).collect();
        if !untyped.is_empty() {
            self.warn("type", None);
        }
        for key in untyped {
            let mut ask = cmd("TYPE");
            ask.arg(key.bytes());
            batch.ask(Question::Type(key), ask);
        }
        self.ask_keyspace(&mut batch);
        self.forget_streams();
        self.ask_series(&mut batch);
        self.ask_closely(&mut batch);
        self.ask_markets(&mut batch);
        for (key, _) in turn(&self.limiters, &mut self.turns.limiter, MOST_LIMITERS, |_| true) {
            batch.ask(Question::Limiter(key.clone()), command::rl_info(key.bytes()));
        }
        for (key, stream) in turn(&self.streams, &mut self.turns.stream, MOST_STREAMS, |_| true) {
            let mut read = cmd("XREVRANGE");
            read.arg(key.bytes()).arg("+");
            match &stream.last_id {
                Some(last) => read.arg([b"(".as_slice(), last].concat()),
                None => read.arg("-"),
            };
            read.arg("COUNT").arg(MOST_SIGNALS);
            batch.ask(Question::Signals(key), read);
        }
        batch
    }

    fn ask_series(&mut self, batch: &mut Batch) {
        let mut asked = Vec::new();
        // What is known for the first time comes first.
        let is_new = |series: &Series| series.info.is_none() && series.error.is_none();
        asked.extend(turn(&self.series, &mut None, MOST_SERIES, is_new).into_iter().map(|(key, _)| key));
        // What was refused may be answered later.
        let is_old = |series: &Series| series.info.is_some() || series.error.is_some();
        let slow = self.slow(self.series.len());
        asked.extend(turn(&self.series, &mut self.turns.info, slow, is_old).into_iter().map(|(key, _)| key));
        for key in asked {
            batch.ask(Question::Info(key.clone()), command::liq_info(key.bytes()));
        }
        let is_unread = |series: &Series| series.info.is_some() && series.stats.is_none();
        let mut reads = turn(&self.series, &mut None, MOST_SERIES, is_unread);
        if reads.is_empty() {
            reads = turn(&self.series, &mut self.turns.stats, MOST_SERIES, |series| series.info.is_some());
        }
        for (key, series) in reads {
            let window_ms = self.window_of(series);
            let query = StatsQuery::of(Scope::window(Duration::from_millis(window_ms)));
            batch.ask(Question::Stats(key.clone(), window_ms), command::liq_stats(key.bytes(), &query));
        }
        let is_first_look = |series: &Series| series.stats.is_some() && !series.is_looked_at;
        let mut looks = turn(&self.series, &mut None, MOST_SERIES, is_first_look);
        if looks.is_empty() {
            looks = turn(&self.series, &mut self.turns.newest, MOST_SERIES, |series| series.stats.is_some());
        }
        for (key, series) in looks {
            let query = match series.newest_ms {
                Some(newest_ms) => RangeQuery::between_ms(newest_ms + 1, RANGE_END_MS).count(MOST_EVENTS),
                None => RangeQuery::default().count(FIRST_EVENTS),
            };
            batch.ask(Question::Newest(key.clone()), command::liq_range(key.bytes(), &query.newest_first()));
        }
        let has_minutes = |series: &Series| series.info.is_some() && !series.has_no_minutes;
        let has_no_hour = |series: &Series| has_minutes(series) && series.hour.is_empty();
        let most = if self.is_thorough { MOST_SERIES } else { MOST_CHARTS };
        let mut charts = turn(&self.series, &mut None, most, has_no_hour);
        if charts.is_empty() {
            charts = turn(&self.series, &mut self.turns.hour, slow, has_minutes);
        }
        for (key, series) in charts {
            let kept = series.info.as_ref().map_or(HOUR_MS, |info| info.retention.as_millis() as u64);
            let query = StatsQuery::of(Scope::window(Duration::from_millis(kept.min(HOUR_MS))));
            let ask = command::liq_stats_buckets(key.bytes(), Duration::from_secs(60), &query);
            batch.ask(Question::Hour(key), ask);
        }
    }

    fn ask_markets(&mut self, batch: &mut Batch) {
        for (key, _) in turn(&self.markets, &mut self.turns.price, MOST_MARKETS, |_| true) {
            batch.ask(Question::Price(key.clone()), command::tick_last(key.bytes(), &ticks::Last::default()));
        }
        let most = if self.is_thorough { MOST_MARKETS } else { MOST_SLOW };
        let is_new = |market: &super::Market| market.info.is_none() && market.info_error.is_none();
        let mut asked = turn(&self.markets, &mut None, most, is_new);
        if asked.is_empty() {
            let slow = self.slow(self.markets.len());
            asked = turn(&self.markets, &mut self.turns.market, slow, |_| true);
        }
        for (key, _) in asked {
            batch.ask(Question::Market(key.clone()), command::tick_info(key.bytes()));
        }
    }
}

/// The latest time there is for LIQ.RANGE: the year 2100.
const RANGE_END_MS: u64 = 4_102_444_800_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: u32) -> BTreeMap<Key, ()> {
        (0..count).map(|n| (Key::from(format!("{n:05}").into_bytes()), ())).collect()
    }

    #[test]
    fn everyone_has_a_turn_and_nobody_twice() {
        for (count, most) in [(0, 3), (1, 3), (3, 3), (7, 3), (10, 1)] {
            let (map, mut next) = (keys(count), None);
            let mut seen: BTreeMap<Key, u32> = BTreeMap::new();
            let rounds = 5 * (count as usize).div_ceil(most).max(1) * most;
            for _ in 0..rounds / most {
                let chosen = turn(&map, &mut next, most, |()| true);
                assert!(chosen.len() <= most);
                chosen.into_iter().for_each(|(key, ())| *seen.entry(key).or_default() += 1);
            }
            let times: Vec<u32> = seen.values().copied().collect();
            assert_eq!(times.len(), count as usize);
            assert!(
                times.iter().max().zip(times.iter().min()).is_none_or(|(most, least)| most - least <= 5),
                "{times:?}"
            );
        }
    }

    #[test]
    fn a_turn_goes_on_behind_a_key_that_is_gone() {
        let (mut map, mut next) = (keys(6), None);
        assert_eq!(turn(&map, &mut next, 3, |()| true).len(), 3);
        map.retain(|key, ()| key.bytes() != b"00002");
        let names: Vec<Key> = turn(&map, &mut next, 2, |()| true).into_iter().map(|(key, ())| key).collect();
        assert_eq!(names, [Key::from(b"00003".as_slice()), Key::from(b"00004".as_slice())]);
    }

    #[test]
    fn a_batch_is_bounded_whatever_the_server_holds() {
        let mut board = Board::new("x", 3_600_000);
        for n in 0..20_000 {
            for (kind, name) in crate::keys::Kind::ALL.into_iter().zip(["s", "m", "l"]) {
                board.add(kind, Key::from(format!("{name}{n}").into_bytes()));
            }
        }
        assert!(board.batch(std::iter::empty()).questions.len() < 4 * MOST_SERIES);
    }
}
