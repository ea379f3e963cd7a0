//! One connection's worth of a venue, kept up: anew after whatever ends it, and the next one whole before the old one is
//! left where the end is known before.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until};

use super::plan::Plan;
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
    whole: watch::Receiver<bool>,
    news: mpsc::Sender<News>,
    since: Instant,
    /// There for as long as it hears the venue.
    hearing: Weak<()>,
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
            let mut wait = self.backoff.next_wait();
            let why = match end {
                End::Left => return,
                End::Silence => {
                    self.shared.metrics.count(self.plan.venue, Count::Silence);
                    "subscribed, but the control stream is silent".to_owned()
                }
                End::Busy(after, why) => {
                    wait = wait.max(after);
                    why
                }
                End::Failed(why) => why,
            };
            tracing::warn!(venue = self.plan.venue.name(), name = self.plan.name, why, ?wait, "disconnected");
            tokio::select! {
                () = sleep(wait) => {}
                () = stopped(&mut stop) => return,
            }
        }
    }

    /// One connection after the other without a gap, until one ends by itself; how, and how long it had stood.
    async fn stand(&mut self) -> Option<(End, Duration)> {
        let mut stop = self.shared.stop.clone();
        let mut line = self.begin(None);
        let mut next: Option<Line> = None;
        loop {
            let renewal = tokio::time::Instant::from_std(line.since + self.lifetime());
            let give_up = next.as_ref().map_or(renewal + OVERLAP, |next| (next.since + OVERLAP).into());
            tokio::select! {
                end = &mut line.task => {
                    let end = end.unwrap_or_else(|error| End::Failed(error.to_string()));
                    match next.take() {
                        // It ended before the next was whole, which goes on all the same.
                        Some(successor) if end != End::Left => line = successor,
                        _ => return Some((end, line.since.elapsed())),
                    }
                }
                () = sleep_until(renewal), if next.is_none() => next = Some(self.begin(Some(&line))),
                () = become_whole(next.as_mut()), if next.is_some() => {
                    if let Some(successor) = next.take() {
                        let old = std::mem::replace(&mut line, successor);
                        tracing::info!(name = self.plan.name, "a new connection is whole: the old one is left");
                        leave(old).await;
                    }
                }
                () = sleep_until(give_up), if next.is_some() => {
                    if let Some(failed) = next.take() {
                        failed.task.abort();
                        line.since = Instant::now();
                    }
                }
                Some(news) = self.news.recv() => self.learn(news, &line, next.as_ref()).await,
                () = stopped(&mut stop) => {
                    if let Some(next) = next {
                        leave(next).await;
                    }
                    leave(line).await;
                    return None;
                }
            }
        }
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
        let (becomes_whole, whole) = watch::channel(false);
        let hearing = Arc::new(());
        let heard = Arc::downgrade(&hearing);
        let before = before.filter(|line| *line.whole.borrow());
        let session = Session {
            plan: Arc::clone(&self.plan),
            shared: Arc::clone(&self.shared),
            contracts: self.contracts.clone(),
            news: told,
            leave: leaving,
            whole: becomes_whole,
            hearing,
            predecessor: before.map(|line| Weak::clone(&line.hearing)).unwrap_or_default(),
        };
        Line { task: tokio::spawn(session.run(delay)), leave, whole, news, since: now + delay, hearing: heard }
    }

    async fn learn(&mut self, news: News, line: &Line, next: Option<&Line>) {
        let plan = Arc::make_mut(&mut self.plan);
        match &news {
            News::Topics(topics) => plan.topics.extend(topics.iter().cloned()),
            News::Gone(topics) => plan.topics.retain(|topic| !topics.contains(topic)),
            News::Contracts(contracts) => self.contracts = contracts.clone(),
        }
        for line in std::iter::once(line).chain(next) {
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

async fn become_whole(line: Option<&mut Line>) {
    let Some(line) = line else { return std::future::pending().await };
    if line.whole.wait_for(|whole| *whole).await.is_err() {
        // It ended without becoming whole; that is seen to elsewhere.
        std::future::pending::<()>().await;
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
