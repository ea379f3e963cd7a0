//! How far a connection has come: whether data flows, whether it hears what is wanted, and who tells health of it.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::hearing::Hearing;
use super::plan::Plan;
use super::shared::Shared;
use super::subscriber::Subscriber;
use crate::sink::now_us;

/// How long what was missed is not asked for because subscriptions are unanswered: they are asked twice within.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(30);
/// How soon a topic is asked for again that was refused although the connection before hears it.
const SOON: Duration = Duration::from_secs(20);

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Data does not flow yet, or subscriptions are unanswered.
    Begins,
    /// It was refused what the connection before it hears.
    Lacks,
    /// Data flows and every subscription is answered.
    Whole,
}

/// Its place among the connections of its plan.
pub struct Place {
    /// Who awaits how far it comes.
    pub stage: watch::Sender<Stage>,
    /// What it hears.
    pub hearing: Arc<Hearing>,
    /// The same of the connection that this one is to replace.
    pub predecessor: Weak<Hearing>,
}

/// What is known of a connection that stands.
pub struct Presence {
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    place: Place,
    /// Health hears of this connection, and not of the one before.
    speaks: bool,
    /// Since when data comes.
    alive_since: Option<Instant>,
    /// What was missed before it was asked for.
    has_resumed: bool,
    /// All was answered while its predecessor still heard the venue: nothing is missing between them.
    is_seamless: bool,
}

impl Presence {
    /// Of a connection over which nothing came yet.
    pub const fn new(plan: Arc<Plan>, shared: Arc<Shared>, place: Place, speaks: bool) -> Self {
        Self { plan, shared, place, speaks, alive_since: None, has_resumed: false, is_seamless: false }
    }

    /// Health hears of this connection from now on.
    pub fn speak(&mut self, subscriber: &mut Subscriber) {
        self.speaks = true;
        self.tell(subscriber);
    }

    /// Health hears of another one from now on.
    pub const fn fall_silent(&mut self) {
        self.speaks = false;
    }

    /// Whether another connection hears what comes before the first trades of this one, or heard it for long enough.
    pub fn is_seamless(&self) -> bool {
        self.is_seamless || self.predecessor().is_some_and(|before| before.is_whole())
    }

    fn predecessor(&self) -> Option<Arc<Hearing>> {
        self.place.predecessor.upgrade().filter(|before| !before.is_over())
    }

    /// Data came, or the control stream ticked.
    pub fn data_came(&mut self, subscriber: &mut Subscriber) {
        if self.alive_since.is_none() {
            self.alive_since = Some(Instant::now());
            self.tell(subscriber);
        } else if *self.place.stage.borrow() == Stage::Lacks && self.predecessor().is_none() {
            self.judge(subscriber);
        }
        self.resume(subscriber);
        // What is not subscribed is not heard, whatever else is: until then what came before counts.
        if self.has_resumed {
            self.shared.seen(&self.plan);
        }
    }

    /// Subscriptions were answered, or there are others.
    pub fn tell(&mut self, subscriber: &mut Subscriber) {
        if self.speaks {
            let health = &self.shared.metrics.health;
            health.alive(&self.plan.name, self.alive_since.is_some());
            health.subscriptions(&self.plan.name, subscriber.summary());
        }
        if self.alive_since.is_some() {
            self.place.hearing.hears_all(subscriber.acknowledged_topics());
        }
        self.judge(subscriber);
        self.resume(subscriber);
    }

    /// Says how far it has come. As long as the one before it hears what this one was refused, that is asked for soon.
    fn judge(&mut self, subscriber: &mut Subscriber) {
        if self.alive_since.is_none() || !subscriber.is_settled() {
            return;
        }
        self.is_seamless = self.is_seamless();
        let before = self.predecessor().map(|before| before.topics()).unwrap_or_default();
        let lacks = subscriber.hurry(&before, Instant::now() + SOON);
        let stage = if lacks { Stage::Lacks } else { Stage::Whole };
        if stage == Stage::Whole {
            self.place.hearing.begin();
        }
        self.place.stage.send_if_modified(|known| *known != Stage::Whole && std::mem::replace(known, stage) != stage);
    }

    /// Has what was missed asked for, once nothing of it is missed any more.
    fn resume(&mut self, subscriber: &Subscriber) {
        let Some(since) = self.alive_since.filter(|_| !self.has_resumed) else { return };
        if subscriber.is_settled() || since.elapsed() > SUBSCRIBED_WITHIN {
            self.has_resumed = true;
            self.shared.resumed(&self.plan);
        }
    }

    /// Nothing is heard over it any more.
    pub fn end(&mut self) {
        self.place.hearing.end();
        if let Some(since) = self.alive_since.filter(|_| !self.has_resumed) {
            self.shared.begun(&self.plan, now_us() - since.elapsed().as_micros() as i64);
        }
    }
}
