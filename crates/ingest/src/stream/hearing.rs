//! What a connection hears for as long as it stands, and when each topic was last heard: so it is known what was missed of
//! it. No I/O here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::sink::now_us;

/// A moment by both clocks: the wall's may be set, the other one may stand while the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// By the clock that is never set.
    pub at: Instant,
    /// By the wall's clock, Unix microseconds.
    pub wall_us: i64,
}

impl Moment {
    /// This one.
    pub fn now() -> Self {
        Self { at: Instant::now(), wall_us: now_us() }
    }

    /// When it was by the wall's clock as that goes now, Unix microseconds: never behind now, and as early as either clock
    /// says.
    pub fn us_by(self, now: Self) -> i64 {
        let passed_us = i64::try_from(now.at.saturating_duration_since(self.at).as_micros()).unwrap_or(i64::MAX);
        self.wall_us.min(now.wall_us.saturating_sub(passed_us))
    }
}

/// What one connection hears.
#[derive(Debug, Default)]
pub struct Hearing {
    /// Every subscription was answered.
    is_whole: AtomicBool,
    is_over: AtomicBool,
    heard: Mutex<Vec<String>>,
    last: Mutex<Option<Moment>>,
}

impl Hearing {
    /// It hears these.
    pub fn hears_all(&self, topics: Vec<String>) {
        *held(&self.heard) = topics;
    }

    /// Whether it hears a topic.
    pub fn hears(&self, topic: &str) -> bool {
        held(&self.heard).iter().any(|heard| heard == topic)
    }

    /// What it hears.
    pub fn topics(&self) -> Vec<String> {
        held(&self.heard).clone()
    }

    /// Something came.
    pub fn heard_at(&self, now: Moment) {
        *held(&self.last) = Some(now);
    }

    /// When something came last.
    pub fn last(&self) -> Option<Moment> {
        *held(&self.last)
    }

    /// It is whole from now on.
    pub fn begin(&self) {
        self.is_whole.store(true, Ordering::Release);
    }

    /// Whether it was whole.
    pub fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Acquire)
    }

    /// It hears nothing any more.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Whether it hears nothing any more.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is known of the topics of each plan, whatever connection heard them.
#[derive(Debug, Default)]
pub struct Heard {
    plans: HashMap<String, Topics>,
}

#[derive(Debug, Default)]
struct Topics {
    /// When each was last heard, or was wanted first.
    last: HashMap<String, Moment>,
    /// Up to when what nobody heard is counted.
    counted: Option<Moment>,
}

impl Heard {
    /// These are wanted from now on; where one was before, nothing changes.
    pub fn wanted(&mut self, plan: &str, topics: &[String], now: Moment) {
        let of_plan = self.of(plan);
        for topic in topics {
            of_plan.last.entry(topic.clone()).or_insert(now);
        }
    }

    /// These were heard up to a moment.
    pub fn heard(&mut self, plan: &str, topics: Vec<String>, last: Moment) {
        self.of(plan).last.extend(topics.into_iter().map(|topic| (topic, last)));
    }

    /// These are not wanted any more.
    pub fn forget(&mut self, plan: &str, topics: &[String]) {
        self.of(plan).last.retain(|topic, _| !topics.contains(topic));
    }

    /// Since when not all of these was heard, by the wall's clock as it goes now; nothing where all of them are new.
    pub fn since_us(&self, plan: &str, topics: &[String], now: Moment) -> Option<i64> {
        let known = self.plans.get(plan)?;
        topics.iter().filter_map(|topic| known.last.get(topic)).map(|last| last.us_by(now)).min()
    }

    /// How much of the time since then was not counted before, microseconds; it is from now on.
    pub fn uncounted_us(&mut self, plan: &str, since_us: i64, now: Moment) -> i64 {
        let counted = self.of(plan).counted.replace(now).map_or(since_us, |counted| counted.us_by(now));
        now.wall_us.saturating_sub(since_us.max(counted)).max(0)
    }

    fn of(&mut self, plan: &str) -> &mut Topics {
        self.plans.entry(plan.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// So many seconds after a start, by a wall's clock that was set by so many.
    fn at(start: Instant, seconds: u64, set: i64) -> Moment {
        let wall_us = 1_790_000_000_000_000 + (seconds as i64 + set) * 1_000_000;
        Moment { at: start + Duration::from_secs(seconds), wall_us }
    }

    #[test]
    fn a_clock_that_is_set_makes_no_span_that_ends_before_it_begins() {
        let start = Instant::now();
        let seconds = |moment: Moment, now: Moment| (now.wall_us - moment.us_by(now)) / 1_000_000;
        assert_eq!(seconds(at(start, 10, 0), at(start, 40, 0)), 30);
        assert_eq!(seconds(at(start, 10, 0), at(start, 40, -3_600)), 30, "set back");
        assert_eq!(seconds(at(start, 10, 0), at(start, 40, 3_600)), 3_630, "set forward, or the machine slept");
    }

    #[test]
    fn each_topic_was_missed_since_it_was_heard_itself() {
        let (start, mut heard) = (Instant::now(), Heard::default());
        let now = |seconds| at(start, seconds, 0);
        let since = |heard: &Heard, topics: &[&str], seconds| {
            let since_us = heard.since_us("p", &names(topics), now(seconds))?;
            Some((since_us - now(0).wall_us) / 1_000_000)
        };
        heard.wanted("p", &names(&["a", "b"]), now(0));
        assert_eq!((since(&heard, &["a"], 5), since(&heard, &["c"], 5)), (Some(0), None));
        heard.heard("p", names(&["a"]), now(100));
        heard.wanted("p", &names(&["a", "b"]), now(110));
        assert_eq!(
            [&["a"][..], &["b"], &["a", "b"]].map(|topics| since(&heard, topics, 120)),
            [Some(100), Some(0), Some(0)]
        );
        assert_eq!(heard.since_us("q", &names(&["a"]), now(120)), None, "of another connection");
        heard.forget("p", &names(&["b"]));
        assert_eq!(since(&heard, &["b"], 130), None);
    }

    #[test]
    fn time_in_which_several_topics_were_missed_counts_once() {
        let (start, mut heard) = (Instant::now(), Heard::default());
        let mut count = |since: u64, now: u64| {
            let since_us = at(start, since, 0).wall_us;
            heard.uncounted_us("p", since_us, at(start, now, 0)) / 1_000_000
        };
        assert_eq!([count(10, 30), count(20, 31), count(0, 31), count(40, 45)], [20, 1, 0, 5]);
    }
}
