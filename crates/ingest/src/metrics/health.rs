//! Whether all is well, and what is not: judged when somebody asks, so that whatever hangs cannot hide it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use liq_spool::State;

use crate::sink::now_us;

/// An event that waits so long, or an answer that is awaited so long, is a complaint.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// How long a subscription may go unanswered; the last of a connection's is asked some two seconds behind the first.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);
/// Names of refused subscriptions that are told.
const MOST_NAMED: usize = 5;

/// What one connection's subscriptions have come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// Topics that are wanted.
    pub wanted: usize,
    /// Topics that were acknowledged.
    pub acknowledged: usize,
    /// Topics that were refused, and are asked for again from time to time.
    pub refused: Vec<String>,
    /// Since when some were neither acknowledged nor refused.
    pub open_since: Option<Instant>,
}

/// What is known of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// How health speaks of it.
    pub name: String,
    /// Topics that are wanted.
    pub wanted: usize,
    /// Topics that were acknowledged.
    pub acknowledged: usize,
    /// What is not well; nothing when all is.
    pub complaints: Vec<String>,
}

#[derive(Debug, Default)]
struct FeedState {
    is_alive: bool,
    subscriptions: Subscriptions,
}

#[derive(Debug, Default)]
struct Facts {
    redis: Option<Result<(), String>>,
    asked_at: Option<Instant>,
    refused_series: usize,
    spool: State,
    spool_limit: u64,
    /// When the thread that has the spool said what it is like.
    spool_told_at: Option<Instant>,
    feeds: BTreeMap<String, FeedState>,
    /// What is said of a venue as such.
    venues: BTreeMap<&'static str, String>,
}

/// The facts by which health is judged.
#[derive(Debug, Default)]
pub struct Health {
    facts: Mutex<Facts>,
}

impl Health {
    fn note(&self, change: impl FnOnce(&mut Facts)) {
        if let Ok(mut facts) = self.facts.lock() {
            change(&mut facts);
        }
    }

    pub(super) fn redis(&self, outcome: Result<(), String>) {
        self.note(|facts| facts.redis = Some(outcome));
    }

    pub(super) fn redis_asked(&self, is_waiting: bool) {
        self.note(|facts| facts.asked_at = is_waiting.then(Instant::now));
    }

    pub(super) fn refused_series(&self, count: usize) {
        self.note(|facts| facts.refused_series = count);
    }

    pub(super) fn spool(&self, state: State, limit: u64) {
        self.note(|facts| {
            (facts.spool, facts.spool_limit, facts.spool_told_at) = (state, limit, Some(Instant::now()));
        });
    }

    /// For how long the thread that has the spool has said nothing; it does every second unless the disk holds it up.
    pub fn spool_silence(&self) -> Duration {
        let told_at = self.facts.lock().ok().and_then(|facts| facts.spool_told_at);
        told_at.map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// Age of the oldest event that was not delivered, seconds.
    pub fn oldest_seconds(&self) -> f64 {
        let oldest_us = self.facts.lock().ok().and_then(|facts| facts.spool.oldest_us);
        oldest_us.map_or(0.0, |at_us| (now_us() - at_us).max(0) as f64 / 1e6)
    }

    /// Whether data comes over a connection.
    pub fn alive(&self, feed: &str, is_alive: bool) {
        self.note(|facts| facts.feeds.entry(feed.to_owned()).or_default().is_alive = is_alive);
    }

    /// What became of a connection's subscriptions.
    pub fn subscriptions(&self, feed: &str, subscriptions: Subscriptions) {
        self.note(|facts| facts.feeds.entry(feed.to_owned()).or_default().subscriptions = subscriptions);
    }

    /// A connection is not wanted any more.
    pub fn forget(&self, feed: &str) {
        self.note(|facts| drop(facts.feeds.remove(feed)));
    }

    /// What is wrong with a venue as such, or nothing.
    pub fn venue(&self, venue: &'static str, complaint: Option<String>) {
        self.note(|facts| match complaint {
            Some(complaint) => drop(facts.venues.insert(venue, complaint)),
            None => drop(facts.venues.remove(venue)),
        });
    }

    /// What is wrong with a venue as such.
    pub fn complaint_of(&self, venue: &str) -> Option<String> {
        self.facts.lock().ok()?.venues.get(venue).cloned()
    }

    /// The connections of a venue.
    pub fn feeds_of(&self, venue: &str) -> Vec<Feed> {
        let Ok(facts) = self.facts.lock() else { return Vec::new() };
        let of_venue = facts.feeds.iter().filter(|(name, _)| name.split(' ').next() == Some(venue));
        let feed = |(name, state): (&String, &FeedState)| Feed {
            name: name.clone(),
            wanted: state.subscriptions.wanted,
            acknowledged: state.subscriptions.acknowledged,
            complaints: state.complaints(),
        };
        of_venue.map(feed).collect()
    }

    /// What is not well; nothing when all is.
    pub fn complaints(&self) -> Vec<String> {
        let oldest = self.oldest_seconds();
        let Ok(facts) = self.facts.lock() else { return vec!["a part of the program ended unexpectedly".to_owned()] };
        let mut complaints = facts.redis_complaints(oldest);
        complaints.extend(facts.spool_complaints());
        for (venue, complaint) in &facts.venues {
            complaints.push(format!("{venue}: {complaint}"));
        }
        for (name, feed) in &facts.feeds {
            complaints.extend(feed.complaints().into_iter().map(|complaint| format!("{name}: {complaint}")));
        }
        complaints
    }
}

impl Facts {
    fn redis_complaints(&self, oldest: f64) -> Vec<String> {
        let mut complaints = Vec::new();
        match &self.redis {
            None => complaints.push("redis: not reached yet".to_owned()),
            Some(Err(why)) => complaints.push(format!("redis: does not take events: {why}")),
            Some(Ok(())) => {}
        }
        if let Some(at) = self.asked_at.filter(|at| at.elapsed() > PATIENCE) {
            complaints.push(format!("redis: no answer for {} s", at.elapsed().as_secs()));
        }
        if oldest > PATIENCE.as_secs_f64() {
            complaints.push(format!("redis: the oldest undelivered event is {oldest:.0} s old"));
        }
        if self.refused_series > 0 {
            complaints.push(format!("redis: refuses {} series", self.refused_series));
        }
        complaints
    }

    fn spool_complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if let Some(at) = self.spool_told_at.filter(|at| at.elapsed() > PATIENCE) {
            complaints.push(format!("spool: the disk has not answered for {} s", at.elapsed().as_secs()));
        }
        if let Some(trouble) = &self.spool.trouble {
            complaints.push(format!("{trouble}; {} events are in memory only", self.spool.in_memory));
        }
        let (events, limit) = (self.spool.waiting, self.spool_limit);
        if limit > 0 && events.saturating_mul(10) >= limit.saturating_mul(9) {
            complaints.push(format!("spool: {events} of {limit} events"));
        }
        complaints
    }
}

impl FeedState {
    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if !self.is_alive {
            complaints.push("no data".to_owned());
        }
        let Subscriptions { wanted, acknowledged, refused, open_since } = &self.subscriptions;
        if !refused.is_empty() {
            let named: Vec<&str> = refused.iter().take(MOST_NAMED).map(String::as_str).collect();
            let more = if refused.len() > MOST_NAMED { ", …" } else { "" };
            complaints.push(format!("refuses {} of {wanted} subscriptions: {}{more}", refused.len(), named.join(", ")));
        }
        if open_since.is_some_and(|since| since.elapsed() > ACKNOWLEDGED_WITHIN) {
            complaints.push(format!("acknowledges {acknowledged} of {wanted} subscriptions"));
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_name_what_is_wrong() {
        let health = Health::default();
        assert_eq!(health.complaints(), ["redis: not reached yet"]);
        health.alive("okx", false);
        health.redis(Ok(()));
        health.spool(State { waiting: 95, ..State::default() }, 100);
        assert_eq!(health.complaints(), ["spool: 95 of 100 events", "okx: no data"]);
        health.alive("okx", true);
        let refused = vec!["allLiquidation.XUSDT".to_owned()];
        health.subscriptions("okx", Subscriptions { wanted: 9, acknowledged: 8, refused, open_since: None });
        health.spool(State { trouble: Some("spool: full".to_owned()), ..State::default() }, 100);
        let expected =
            ["spool: full; 0 events are in memory only", "okx: refuses 1 of 9 subscriptions: allLiquidation.XUSDT"];
        assert_eq!(health.complaints(), expected);
        let old = State { waiting: 1, oldest_us: Some(now_us() - 9_000_000), ..State::default() };
        health.spool(old, 100);
        assert!(health.complaints().iter().any(|text| text.contains("oldest undelivered event is 9 s old")));
    }
}
