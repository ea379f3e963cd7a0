//! How far a connection has come: whether data flows, whether it hears what is wanted, and who tells health of it.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::hearing::{Hearing, Moment};
use super::plan::Plan;
use super::shared::Shared;
use super::subscriber::Subscriber;

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
    alive_since: Option<Moment>,
    /// What was missed before it was asked for.
    has_resumed: bool,
    /// All was answered while its predecessor still heard the venue: nothing is missing between them.
    is_seamless: bool,
    /// Topics of which no other connection hears what comes before their first data over this one.
    apart: Vec<String>,
}

impl Presence {
    /// Of a connection over which nothing came yet.
    pub fn new(plan: Arc<Plan>, shared: Arc<Shared>, place: Place, speaks: bool) -> Self {
        let (alive_since, has_resumed, is_seamless, apart) = (None, false, false, Vec::new());
        Self { plan, shared, place, speaks, alive_since, has_resumed, is_seamless, apart }
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

    /// Topics that were acknowledged of late, of which no other connection heard what came before.
    pub fn take_apart(&mut self) -> Vec<String> {
        std::mem::take(&mut self.apart)
    }

    fn predecessor(&self) -> Option<Arc<Hearing>> {
        self.place.predecessor.upgrade().filter(|before| !before.is_over())
    }

    /// Data came, or the control stream ticked.
    pub fn data_came(&mut self, subscriber: &mut Subscriber) {
        let now = Moment::now();
        self.place.hearing.heard_at(now);
        if self.alive_since.is_none() {
            self.alive_since = Some(now);
            self.tell(subscriber);
        } else if *self.place.stage.borrow() == Stage::Lacks && self.predecessor().is_none() {
            self.judge(subscriber);
        }
        self.resume(subscriber);
    }

    /// Subscriptions were answered, or there are others.
    pub fn tell(&mut self, subscriber: &mut Subscriber) {
        if self.speaks {
            let health = &self.shared.metrics.health;
            health.alive(&self.plan.name, self.alive_since.is_some());
            health.subscriptions(&self.plan.name, subscriber.summary());
        }
        self.take_up(subscriber.take_fresh());
        self.judge(subscriber);
        self.resume(subscriber);
        if self.has_resumed {
            // What is missed of these begins now, unless they were heard before.
            self.want(subscriber.summary().refused, Moment::now());
            self.place.hearing.hears_all(subscriber.acknowledged_topics());
        }
    }

    /// Topics were acknowledged: later than all else, what was missed of them is asked for by itself.
    fn take_up(&mut self, fresh: Vec<String>) {
        let before = self.predecessor();
        let is_heard = |topic: &String| before.as_ref().is_some_and(|before| before.hears(topic));
        let new: Vec<String> = fresh.into_iter().filter(|topic| !is_heard(topic)).collect();
        if self.has_resumed {
            let (now, topics) = (Moment::now(), self.without_control(new.clone()));
            let since_us = self.shared.heard().since_us(&self.plan.name, &topics, now);
            if let Some(since_us) = since_us {
                self.shared.regained(&self.plan, &topics, since_us, now);
            }
        }
        self.apart.extend(new);
    }

    /// Those of these topics of which something can be missed.
    fn without_control(&self, mut topics: Vec<String>) -> Vec<String> {
        topics.retain(|topic| Some(topic) != self.plan.topics.first());
        topics
    }

    fn want(&self, topics: Vec<String>, since: Moment) {
        let topics = self.without_control(topics);
        self.shared.heard().wanted(&self.plan.name, &topics, since);
    }

    /// These are not wanted any more.
    pub fn forget(&self, topics: &[String]) {
        self.shared.heard().forget(&self.plan.name, topics);
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
        if !subscriber.is_settled() && since.at.elapsed() <= SUBSCRIBED_WITHIN {
            return;
        }
        self.has_resumed = true;
        let (now, before) = (Moment::now(), self.predecessor());
        let heard = subscriber.acknowledged_topics();
        let (theirs, new): (Vec<_>, Vec<_>) = self
            .without_control(heard.clone())
            .into_iter()
            .partition(|topic| before.as_ref().is_some_and(|before| before.hears(topic)));
        let last = before.filter(|_| !theirs.is_empty()).and_then(|before| before.last());
        let since_us = self.shared.heard().since_us(&self.plan.name, &new, now);
        let since_us = since_us.into_iter().chain(last.map(|last| last.us_by(now))).min();
        self.place.hearing.hears_all(heard);
        self.want(subscriber.missing_topics(), since);
        self.shared.resumed(&self.plan, since_us, now);
    }

    /// Nothing is heard over it any more.
    pub fn end(&mut self) {
        let hearing = &self.place.hearing;
        match (self.alive_since, hearing.last()) {
            (Some(_), Some(last)) if self.has_resumed => {
                let topics = self.without_control(hearing.topics());
                self.shared.heard().heard(&self.plan.name, topics, last);
            }
            // Where nothing was heard before, what was missed begins with its first word.
            (Some(since), _) => self.want(self.plan.topics.clone(), since),
            _ => {}
        }
        hearing.end();
    }
}
