//! The thread that has the spool: it takes what arrives, and does what the sink asks, and waits for nothing but the
//! disk. So an event is on disk a moment after its frame, whatever Redis does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::store::Store;
use super::{Arrived, SpoolError, now_us};
use crate::config::Config;
use crate::item::{Home, Item};
use crate::market::{MarketItem, Told};
use crate::metrics::Metrics;

/// Events that wait for the disk; then those who read the venues wait.
pub const QUEUE: usize = 65_536;
/// Events taken into the spool at once.
const MOST_TAKEN: usize = 1024;

/// How often what was delivered is deleted, and a disk that took nothing tried again.
const TIDY_EVERY: Duration = Duration::from_secs(1);

type Request = Box<dyn FnOnce(&mut Store) + Send>;

/// Where the sink asks for batches and settles them.
#[derive(Clone)]
pub struct Desk {
    requests: mpsc::UnboundedSender<Request>,
    /// Told when something came.
    pub work: Arc<Notify>,
    /// True when no more events will come and all that came are on the spool.
    pub is_over: watch::Receiver<bool>,
}

impl Desk {
    /// Has something done with the spool; nothing when the thread is gone.
    pub async fn ask<T: Send + 'static>(&self, job: impl FnOnce(&mut Store) -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let request: Request = Box::new(move |store| {
            // Whoever asked may have stopped waiting.
            let _ = answer.send(job(store));
        });
        self.requests.send(request).ok()?;
        answered.await.ok()
    }
}

/// Starts the thread; it ends when the desk is gone.
pub fn start(
    store: Store,
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    events: mpsc::Receiver<Arrived>,
) -> std::io::Result<(Desk, std::thread::JoinHandle<()>)> {
    let (requests, asked) = mpsc::unbounded_channel();
    let (over, is_over) = watch::channel(false);
    let work = Arc::new(Notify::new());
    let spooler = Spooler { store, config, metrics, work: Arc::clone(&work) };
    let runtime = tokio::runtime::Handle::current();
    let thread = std::thread::Builder::new()
        .name("spool".to_owned())
        .spawn(move || runtime.block_on(spooler.run(events, asked, &over)))?;
    Ok((Desk { requests, work, is_over }, thread))
}

struct Spooler {
    store: Store,
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    work: Arc<Notify>,
}

impl Spooler {
    async fn run(
        mut self,
        mut events: mpsc::Receiver<Arrived>,
        mut asked: mpsc::UnboundedReceiver<Request>,
        over: &watch::Sender<bool>,
    ) {
        let mut taken: Vec<Arrived> = Vec::with_capacity(MOST_TAKEN);
        let mut tidying = tokio::time::interval(TIDY_EVERY);
        self.tell();
        loop {
            let is_open = !*over.borrow();
            tokio::select! {
                biased;
                request = asked.recv() => match request {
                    Some(request) => request(&mut self.store),
                    None => return,
                },
                _ = tidying.tick() => self.store.spool.forget(),
                count = events.recv_many(&mut taken, MOST_TAKEN), if is_open => {
                    if count == 0 {
                        let _ = over.send(true);
                    } else if let Err(error) = self.store(&mut taken) {
                        // Memory takes what the disk does not; what neither takes is gone, and said so.
                        self.metrics.dropped(count as u64);
                        tracing::error!(%error, lost = count, "events could not be kept");
                    }
                    // Only what comes is told: what waits because the server refuses its key would wake the sink again
                    // and again. The sink looks for itself from time to time.
                    self.work.notify_one();
                }
            }
            self.tell();
        }
    }

    fn store(&mut self, taken: &mut Vec<Arrived>) -> Result<(), SpoolError> {
        let mut events = Vec::with_capacity(taken.len());
        for arrived in taken.drain(..) {
            let home = Home::of(&arrived.item, &self.config);
            let key = self.store.key_of(&self.config, &home);
            match arrived.item {
                Item::Market(MarketItem { told: told @ (Told::Quote(_) | Told::Candle(_)), .. }) => {
                    self.store.take_fleeting(key, home, told);
                }
                item => events.push((key, Arrived { item, at_us: arrived.at_us })),
            }
        }
        let count = events.len() as u64;
        if events.is_empty() {
            return Ok(());
        }
        let series = &self.config.series;
        let smallest = |event: &crate::event::Event| series.min_size_of(&event.symbol, &event.exchange);
        self.store.append(&events, self.config.key.is_per_exchange(), smallest)?;
        let now_us = now_us();
        for (_, arrived) in &events {
            self.metrics.spooled_after(now_us - arrived.at_us);
        }
        self.metrics.received(count);
        Ok(())
    }

    fn tell(&mut self) {
        let state = self.store.spool.state();
        self.metrics.spool(state, self.config.spool_events);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Side};

    fn arrived() -> Arrived {
        let (exchange, symbol, id) = (Arc::from("binance"), Arc::from("A"), Box::from(""));
        let event = Event { exchange, symbol, ts_ms: 1, side: Side::Buy, price: 1.0, size: 1.0, id };
        Arrived { item: Item::Liquidation(event), at_us: 1 }
    }

    #[tokio::test]
    async fn what_waits_wakes_nobody_again_until_more_comes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), 1_000, Duration::ZERO).unwrap();
        let (door, events) = mpsc::channel(8);
        let (desk, _) = start(store, Arc::default(), Arc::default(), events).unwrap();
        for _ in 0..2 {
            door.send(arrived()).await.unwrap();
            desk.work.notified().await;
            // Whoever asked and left it alone, as a key that is refused, has to hear nothing for it. When the second
            // answer is there, all is done that came of the first.
            for _ in 0..2 {
                assert!(desk.ask(|store| store.has_waiting(|_| false)).await.unwrap());
            }
            let again = tokio::time::timeout(Duration::ZERO, desk.work.notified()).await;
            assert!(again.is_err(), "the sink would ask and be woken without end");
        }
    }
}
