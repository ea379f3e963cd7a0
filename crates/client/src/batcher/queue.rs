//! The events that wait for their batch, per key, and when each key's batch is due. No I/O here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::Event;

/// Events of one key.
#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<(u64, Event<'static>)>,
    /// When the oldest event has waited long enough.
    due: Option<Instant>,
    /// A key has one batch under way at a time: were two lost, the later could arrive first, and the earlier would
    /// count as delivered before.
    under_way: Option<u64>,
}

/// All keys' queues.
#[derive(Debug)]
pub(super) struct Queues {
    by_key: HashMap<Arc<str>, Queue>,
    /// In the order in which they fall due, because every event may wait equally long. Holds keys that were sent
    /// meanwhile: those are skipped.
    deadlines: VecDeque<(Instant, Arc<str>)>,
    max_events: usize,
    max_delay: Duration,
    /// The number of the next event.
    next_number: u64,
    /// Events below this number do not wait.
    hurried_below: u64,
}

/// A batch to send.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) key: Arc<str>,
    pub(super) events: Vec<Event<'static>>,
}

impl Queues {
    pub(super) fn new(max_events: usize, max_delay: Duration) -> Self {
        Self {
            by_key: HashMap::new(),
            deadlines: VecDeque::new(),
            max_events,
            max_delay,
            next_number: 0,
            hurried_below: 0,
        }
    }

    /// Queues an event; the batch to send now, if that completed one.
    pub(super) fn push(&mut self, key: Arc<str>, event: Event<'static>, now: Instant) -> Option<Batch> {
        let number = self.next_number;
        self.next_number += 1;
        let queue = self.by_key.entry(Arc::clone(&key)).or_default();
        queue.events.push_back((number, event));
        if queue.due.is_none() {
            let due = now + self.max_delay;
            queue.due = Some(due);
            self.deadlines.push_back((due, Arc::clone(&key)));
        }
        self.take_if_ready(&key, now)
    }

    /// The batch of a key, if it is ready and none of the key is under way.
    fn take_if_ready(&mut self, key: &Arc<str>, now: Instant) -> Option<Batch> {
        let queue = self.by_key.get_mut(key)?;
        let (first, _) = queue.events.front()?;
        let full = queue.events.len() >= self.max_events;
        let waited = queue.due.is_some_and(|due| due <= now);
        if queue.under_way.is_some() || !(full || waited || *first < self.hurried_below) {
            return None;
        }
        queue.under_way = Some(*first);
        let count = queue.events.len().min(self.max_events);
        let events = queue.events.drain(..count).map(|(_, event)| event).collect();
        // What stays behind arrived later, yet does not wait longer than the batch under way.
        queue.due = (!queue.events.is_empty()).then_some(now + self.max_delay);
        if let Some(due) = queue.due {
            self.deadlines.push_back((due, Arc::clone(key)));
        }
        Some(Batch { key: Arc::clone(key), events })
    }

    /// The key's batch came through or was given up; the next one of the key, if it is ready.
    pub(super) fn finished(&mut self, key: &Arc<str>, now: Instant) -> Option<Batch> {
        let queue = self.by_key.get_mut(key)?;
        queue.under_way = None;
        if queue.events.is_empty() {
            // Keys come and go; what is idle takes no memory.
            self.by_key.remove(key);
            return None;
        }
        self.take_if_ready(key, now)
    }

    /// When the next batch falls due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.deadlines.front().map(|(due, _)| *due)
    }

    /// The batches that have fallen due. Those of keys with a batch under way follow when that is finished.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Batch> {
        let mut batches = Vec::new();
        while let Some((due, _)) = self.deadlines.front()
            && *due <= now
        {
            let Some((_, key)) = self.deadlines.pop_front() else { break };
            batches.extend(self.take_if_ready(&key, now));
        }
        batches
    }

    /// Lets nothing that is queued now wait any longer; the batches to send, and the number below which all of it lies.
    pub(super) fn hurry(&mut self, now: Instant) -> (u64, Vec<Batch>) {
        self.hurried_below = self.next_number;
        let keys: Vec<_> = self.by_key.keys().cloned().collect();
        let batches = keys.iter().filter_map(|key| self.take_if_ready(key, now)).collect();
        (self.hurried_below, batches)
    }

    /// Whether every event below this number was delivered or given up.
    pub(super) fn is_done_below(&self, number: u64) -> bool {
        self.by_key.values().all(|queue| {
            let oldest = queue.under_way.or(queue.events.front().map(|(first, _)| *first));
            oldest.is_none_or(|oldest| oldest >= number)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Side;

    const DELAY: Duration = Duration::from_millis(100);

    fn event() -> Event<'static> {
        Event::new(1, Side::Buy, 1.0, 1.0)
    }

    fn key(name: &str) -> Arc<str> {
        name.into()
    }

    #[test]
    fn a_batch_is_sent_when_it_is_full() {
        let (mut queues, now) = (Queues::new(2, DELAY), Instant::now());
        assert!(queues.push(key("a"), event(), now).is_none());
        assert!(queues.push(key("b"), event(), now).is_none());
        let batch = queues.push(key("a"), event(), now).unwrap();
        assert_eq!((&*batch.key, batch.events.len()), ("a", 2));
    }

    #[test]
    fn a_batch_is_sent_when_its_first_event_has_waited() {
        let (mut queues, now) = (Queues::new(50, DELAY), Instant::now());
        queues.push(key("a"), event(), now);
        queues.push(key("a"), event(), now + DELAY / 2);
        assert_eq!(queues.next_due(), Some(now + DELAY));
        assert!(queues.take_due(now + DELAY / 2).is_empty());
        let batches = queues.take_due(now + DELAY);
        assert_eq!(batches.iter().map(|batch| batch.events.len()).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_key_has_one_batch_under_way() {
        let (mut queues, now) = (Queues::new(1, DELAY), Instant::now());
        assert!(queues.push(key("a"), event(), now).is_some());
        assert!(queues.push(key("a"), event(), now).is_none());
        assert!(queues.take_due(now + DELAY * 10).is_empty());
        assert!(queues.finished(&key("a"), now).is_some());
        assert!(queues.finished(&key("a"), now).is_none());
        assert!(queues.by_key.is_empty());
    }

    #[test]
    fn what_fell_due_behind_a_batch_under_way_follows_it() {
        let (mut queues, now) = (Queues::new(2, DELAY), Instant::now());
        queues.push(key("a"), event(), now);
        assert!(queues.push(key("a"), event(), now).is_some());
        assert!(queues.push(key("a"), event(), now).is_none());
        assert!(queues.take_due(now + DELAY).is_empty());
        let batch = queues.finished(&key("a"), now + DELAY * 2).unwrap();
        assert_eq!(batch.events.len(), 1);
    }

    #[test]
    fn hurrying_sends_all_that_is_queued_and_knows_when_it_is_done() {
        let (mut queues, now) = (Queues::new(50, DELAY), Instant::now());
        queues.push(key("a"), event(), now);
        queues.push(key("b"), event(), now);
        let (mark, batches) = queues.hurry(now);
        assert_eq!(batches.len(), 2);
        assert!(queues.push(key("a"), event(), now).is_none(), "a later event waits as ever");
        assert!(!queues.is_done_below(mark));
        queues.finished(&key("a"), now);
        assert!(!queues.is_done_below(mark));
        queues.finished(&key("b"), now);
        assert!(queues.is_done_below(mark));
    }

    #[test]
    fn hurrying_behind_a_batch_under_way_sends_the_rest_as_soon_as_it_is_finished() {
        let (mut queues, now) = (Queues::new(1, DELAY), Instant::now());
        queues.push(key("a"), event(), now);
        queues.push(key("a"), event(), now);
        let (mark, batches) = queues.hurry(now);
        assert!(batches.is_empty());
        assert!(queues.finished(&key("a"), now).is_some());
        assert!(!queues.is_done_below(mark));
        assert!(queues.finished(&key("a"), now).is_none());
        assert!(queues.is_done_below(mark));
    }
}
