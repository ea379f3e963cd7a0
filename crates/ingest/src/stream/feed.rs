//! One connection's worth of a venue, kept up: anew after whatever ends it, and the next one whole before the old one is
//! left where the end is known before.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until};

use super::hearing::Hearing;
use super::plan::Plan;
use super::presence::{Place, Stage};
use super::session::{End, News, Session};
use super::{Shared, stopped};
use crate::contract::Contracts;
use crate::metrics::Count;
use crate::sink::backoff::Backoff;
use crate::venue::Venue;

/// A connection that stood so long has done well: the next wait is the shortest again.
const DOES_WELL: Duration = Duration::from_secs(60);
/// How long a new connection may take to be whole before the old one's end.
const OVERLAP: Duration = Duration::from_secs(120);
/// How much longer both go on when the new one was refused what the old one hears: until the venue has ended that.
const BOTH: Duration = Duration::from_secs(20 * 60);
/// News that wait for a connection.
const NEWS_WAITING: usize = 16;

/// How many connections a venue lets one make within a time, with room to spare.
const fn allowance(venue: Venue) -> (usize, Duration) {
    match venue {
        Venue::Bitfinex => (15, Duration::from_secs(60)),
        Venue::Okx => (2, Duration::from_secs(1)),
        Venue::Bitmex => (18, Duration::from_secs(180)),
        Venue::Bybit => (250, Duration::from_secs(300)),
        _ => (150, Duration::from_secs(300)),
    }
}

/// The connections made to a venue lately.
#[derive(Debug, Default)]
pub struct Pacer {
    made: Mutex<VecDeque<Instant>>,
}

impl Pacer {
    /// How long to wait before one more connection may be made; it counts as made then.
    pub fn wait(&self, venue: Venue, now: Instant) -> Duration {
        let (most, within) = allowance(venue);
        let Ok(mut made) = self.made.lock() else { return Duration::ZERO };
        while made.front().is_some_and(|at| *at + within <= now) {
            made.pop_front();
        }
        let free_at = made.len().checked_sub(most).and_then(|at| made.get(at)).map_or(now, |at| *at + within);
        made.push_back(free_at);
        free_at.saturating_duration_since(now)
    }
}

/// A session that runs.
struct Line {
    task: JoinHandle<End>,
    leave: watch::Sender<bool>,
    speaks: watch::Sender<bool>,
    stage: watch::Receiver<Stage>,
    news: mpsc::Sender<News>,
    since: Instant,
    /// Until then it is to be whole, if it is to replace another.
    until: Instant,
    /// There for as long as it hears the venue.
    hearing: Weak<Hearing>,
}

/// A connection and the one that is to replace it.
struct Lines {
    line: Line,
    next: Option<Line>,
    /// When the next one is begun.
    renew_at: Instant,
    /// Of attempts to make it.
    backoff: Backoff,
}

/// A plan, and the sessions that carry it out.
pub struct Feed {
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    contracts: Contracts,
    news: mpsc::Receiver<News>,
    backoff: Backoff,
}

impl Feed {
    /// A feed that will follow this plan.
    pub fn new(plan: Plan, shared: Arc<Shared>, contracts: Contracts, news: mpsc::Receiver<News>) -> Self {
        let (first, longest) = shared.config.reconnect;
        Self { plan: Arc::new(plan), shared, contracts, news, backoff: Backoff::new(first, longest) }
    }

    /// Runs until the program is to end.
    pub async fn run(mut self) {
        let mut stop = self.shared.stop.clone();
        self.shared.metrics.health.alive(&self.plan.name, false);
        loop {
            let Some((end, lived)) = self.stand().await else { return };
            if lived >= DOES_WELL {
                self.backoff.reset();
            }
            self.shared.metrics.health.alive(&self.plan.name, false);
            let Some((why, least)) = self.why(end) else { return };
            let wait = self.backoff.next_wait().max(least);
            tracing::warn!(venue = self.plan.venue.name(), name = self.plan.name, why, ?wait, "disconnected");
            tokio::select! {
                () = sleep(wait) => {}
                () = stopped(&mut stop) => return,
            }
        }
    }

    /// Why a session ended, and how long the venue wants to be left alone; nothing where it was asked to.
    fn why(&self, end: End) -> Option<(String, Duration)> {
        match end {
            End::Left => None,
            End::Silence => {
                self.shared.metrics.count(self.plan.venue, Count::Silence);
                Some(("subscribed, but the control stream is silent".to_owned(), Duration::ZERO))
            }
            End::Busy(after, why) => Some((why, after)),
            End::Failed(why) => Some((why, Duration::ZERO)),
        }
    }

    /// One connection after the other without a gap, until one ends by itself; how, and how long it had stood.
    async fn stand(&mut self) -> Option<(End, Duration)> {
        let mut stop = self.shared.stop.clone();
        let (first, longest) = self.shared.config.reconnect;
        let line = self.begin(None);
        let renew_at = line.since + self.lifetime();
        let mut lines = Lines { line, next: None, renew_at, backoff: Backoff::new(first, longest) };
        loop {
            let stage = lines.next.as_ref().map(|next| next.stage.clone());
            let until = lines.next.as_ref().map_or(lines.renew_at, |next| next.until);
            tokio::select! {
                end = ending(&mut lines.line) => {
                    if let Err(ended) = self.outlive(&mut lines, end) {
                        return Some(ended);
                    }
                }
                end = ending_of(lines.next.as_mut()) => self.put_off(&mut lines, end),
                () = sleep_until(lines.renew_at.into()), if lines.next.is_none() => {
                    lines.next = Some(self.begin(Some(&lines.line)));
                }
                () = become_whole(stage) => self.replace(&mut lines).await,
                () = sleep_until(until.into()), if lines.next.is_some() => self.give_up(&mut lines).await,
                Some(news) = self.news.recv() => self.learn(news, &lines).await,
                () = stopped(&mut stop) => {
                    if let Some(next) = lines.next {
                        leave(next).await;
                    }
                    leave(lines.line).await;
                    return None;
                }
            }
        }
    }

    /// The connection has ended: before the next was whole, which goes on all the same, or there is none.
    fn outlive(&self, lines: &mut Lines, end: End) -> Result<(), (End, Duration)> {
        let lived = lines.line.since.elapsed();
        let Some(successor) = lines.next.take_if(|_| end != End::Left) else { return Err((end, lived)) };
        let (why, _) = self.why(end).unwrap_or_default();
        tracing::warn!(
            venue = self.plan.venue.name(),
            name = self.plan.name,
            why,
            "disconnected: a new connection goes on"
        );
        // Until that one says otherwise.
        self.shared.metrics.health.alive(&self.plan.name, false);
        drop(self.instate(lines, successor));
        lines.line.speaks.send_replace(true);
        Ok(())
    }

    /// The new connection is whole: the old one is left.
    async fn replace(&self, lines: &mut Lines) {
        if let Some(successor) = lines.next.take() {
            tracing::info!(name = self.plan.name, "a new connection is whole: the old one is left");
            // The old one tells health nothing more when it is left; from then on the new one does.
            leave(self.instate(lines, successor)).await;
            lines.line.speaks.send_replace(true);
        }
    }

    /// Puts a connection into the place of the old one, which is given back.
    fn instate(&self, lines: &mut Lines, successor: Line) -> Line {
        lines.renew_at = successor.since + self.lifetime();
        lines.backoff.reset();
        std::mem::replace(&mut lines.line, successor)
    }

    /// The new connection has ended before it was whole: another one is tried while the old one stands.
    fn put_off(&self, lines: &mut Lines, end: End) {
        lines.next = None;
        let (why, least) = self.why(end).unwrap_or_default();
        let wait = lines.backoff.next_wait().max(least);
        tracing::warn!(venue = self.plan.venue.name(), name = self.plan.name, why, ?wait, "no new connection yet");
        lines.renew_at = Instant::now() + wait;
    }

    /// The new connection has had its time.
    async fn give_up(&self, lines: &mut Lines) {
        let Some(mut next) = lines.next.take() else { return };
        let (venue, name, stage) = (self.plan.venue.name(), &self.plan.name, *next.stage.borrow());
        let lacks = stage == Stage::Lacks;
        if stage == Stage::Whole {
            // In this very moment.
            lines.next = Some(next);
            return self.replace(lines).await;
        }
        if lacks && next.until == next.since + OVERLAP {
            tracing::warn!(venue, name, "a new connection was refused what the old one hears: both go on");
            next.until += BOTH;
            lines.next = Some(next);
            return;
        }
        let wait = if lacks { self.lifetime() } else { lines.backoff.next_wait() };
        tracing::warn!(venue, name, lacks, ?wait, "a new connection was not whole in time: the old one goes on");
        leave(next).await;
        lines.renew_at = Instant::now() + wait;
    }

    fn lifetime(&self) -> Duration {
        self.shared.config.lifetime.unwrap_or(self.plan.lifetime)
    }

    /// Starts a session, as soon as the venue allows; perhaps one that is to replace another.
    fn begin(&self, before: Option<&Line>) -> Line {
        let now = Instant::now();
        let delay = self.shared.pacer(self.plan.venue).wait(self.plan.venue, now);
        let (news, told) = mpsc::channel(NEWS_WAITING);
        let (leave, leaving) = watch::channel(false);
        let (speaks, is_to_speak) = watch::channel(before.is_none());
        let (stage, comes_to) = watch::channel(Stage::Begins);
        let hearing = Arc::new(Hearing::default());
        let heard = Arc::downgrade(&hearing);
        let predecessor = before.map(|line| Weak::clone(&line.hearing)).unwrap_or_default();
        let session = Session {
            plan: Arc::clone(&self.plan),
            shared: Arc::clone(&self.shared),
            contracts: self.contracts.clone(),
            news: told,
            leave: leaving,
            speaks: is_to_speak,
            place: Place { stage, hearing, predecessor },
        };
        let (task, since) = (tokio::spawn(session.run(delay)), now + delay);
        Line { task, leave, speaks, stage: comes_to, news, since, until: since + OVERLAP, hearing: heard }
    }

    async fn learn(&mut self, news: News, lines: &Lines) {
        let plan = Arc::make_mut(&mut self.plan);
        match &news {
            News::Topics(topics) => plan.topics.extend(topics.iter().cloned()),
            News::Gone(topics) => plan.topics.retain(|topic| !topics.contains(topic)),
            News::Contracts(contracts) => self.contracts = contracts.clone(),
        }
        for line in std::iter::once(&lines.line).chain(&lines.next) {
            // One that has ended learns it from the plan.
            let _ = line.news.send(news.clone()).await;
        }
    }
}

/// Lets a session end, which reads what is still on its way.
async fn leave(line: Line) {
    let _ = line.leave.send(true);
    let _ = line.task.await;
}

async fn become_whole(stage: Option<watch::Receiver<Stage>>) {
    let Some(mut stage) = stage else { return std::future::pending().await };
    if stage.wait_for(|stage| *stage == Stage::Whole).await.is_err() {
        // It ended without becoming whole; that is seen to elsewhere.
        std::future::pending::<()>().await;
    }
}

async fn ending(line: &mut Line) -> End {
    (&mut line.task).await.unwrap_or_else(|error| End::Failed(error.to_string()))
}

async fn ending_of(line: Option<&mut Line>) -> End {
    match line {
        Some(line) => ending(line).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_made_no_faster_than_the_venue_allows() {
        let (pacer, start) = (Pacer::default(), Instant::now());
        let mut now = start;
        let mut made = Vec::new();
        for _ in 0..66 {
            now += pacer.wait(Venue::Bitfinex, now);
            made.push(now);
        }
        assert_eq!(made[14], start, "the first may be made at once");
        for window in made.windows(16) {
            assert!(window[15] - window[0] >= Duration::from_secs(60));
        }
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod connections;
