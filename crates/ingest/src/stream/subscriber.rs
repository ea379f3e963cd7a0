//! What is subscribed over one connection: asked in chunks, acknowledged or refused, and asked for again. A refused
//! chunk is halved until it is known which topic is at fault. No I/O here.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::plan;
use crate::metrics::health::Subscriptions;
use crate::venue::{Answered, Venue};

/// How long an answer is awaited before the same is asked again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Requests that were asked again and may be answered yet.
const MOST_LATE: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Wanted,
    Acknowledged,
    /// Refused, and to be asked for again then.
    Refused(Instant),
}

#[derive(Debug)]
struct Topic {
    name: String,
    state: State,
}

/// The subscriptions of one connection.
#[derive(Debug)]
pub struct Subscriber {
    venue: Venue,
    topics: Vec<Topic>,
    to_ask: VecDeque<Vec<String>>,
    /// What was asked, by the number of the request.
    asked: BTreeMap<u64, (Vec<String>, Instant)>,
    /// What was asked so long ago that it was asked again: an answer that comes late is one all the same.
    late: BTreeMap<u64, Vec<String>>,
    next_id: u64,
    chunk: usize,
    retry_every: Duration,
    open_since: Option<Instant>,
    /// What was acknowledged and not told yet.
    fresh: Vec<String>,
}

impl Subscriber {
    /// Everything is yet to be asked. Refused topics are tried again every `retry_every`.
    pub fn new(venue: Venue, topics: &[String], chunk: usize, retry_every: Duration, now: Instant) -> Self {
        let mut subscriber = Self {
            venue,
            topics: Vec::new(),
            to_ask: VecDeque::new(),
            asked: BTreeMap::new(),
            late: BTreeMap::new(),
            next_id: 1,
            chunk: chunk.max(1),
            retry_every,
            open_since: None,
            fresh: Vec::new(),
        };
        subscriber.add(topics, now);
        subscriber
    }

    /// Wants further topics.
    pub fn add(&mut self, names: &[String], now: Instant) {
        let fresh: Vec<String> = names.iter().filter(|name| self.state_of(name).is_none()).cloned().collect();
        for chunk in fresh.chunks(self.chunk) {
            self.to_ask.push_back(chunk.to_vec());
        }
        self.topics.extend(fresh.into_iter().map(|name| Topic { name, state: State::Wanted }));
        self.note(now);
    }

    /// Topics that are gone; nothing is asked of them any more.
    pub fn drop_topics(&mut self, gone: &[String], now: Instant) {
        self.topics.retain(|topic| !gone.contains(&topic.name));
        for chunk in &mut self.to_ask {
            chunk.retain(|name| !gone.contains(name));
        }
        self.to_ask.retain(|chunk| !chunk.is_empty());
        self.note(now);
    }

    /// The next request to send, if there is one.
    pub fn next_request(&mut self, now: Instant) -> Option<String> {
        self.requeue(now);
        let chunk = loop {
            let mut chunk = self.to_ask.pop_front()?;
            // What was acknowledged meanwhile need not be asked for again.
            chunk.retain(|name| self.state_of(name).is_some_and(|state| state != State::Acknowledged));
            if !chunk.is_empty() {
                break chunk;
            }
        };
        let id = self.next_id;
        self.next_id += 1;
        let text = plan::subscription(self.venue, id, &chunk);
        self.asked.insert(id, (chunk, now));
        Some(text)
    }

    /// Puts what is due to be asked again into the queue.
    fn requeue(&mut self, now: Instant) {
        let late: Vec<u64> = self
            .asked
            .iter()
            .filter(|(_, (_, at))| now.duration_since(*at) >= ANSWER_WITHIN)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            if let Some((chunk, _)) = self.asked.remove(&id) {
                let is_wanted = |name: &&String| self.state_of(name) == Some(State::Wanted);
                let left: Vec<String> = chunk.iter().filter(is_wanted).cloned().collect();
                self.to_ask.extend((!left.is_empty()).then_some(left));
                self.late.insert(id, chunk);
            }
        }
        while self.late.len() > MOST_LATE {
            self.late.pop_first();
        }
        let mut again = Vec::new();
        for topic in &mut self.topics {
            if matches!(topic.state, State::Refused(at) if at <= now) {
                // Alone, so that it takes no other along. Until it is answered it stays refused.
                topic.state = State::Refused(now + self.retry_every);
                again.push(vec![topic.name.clone()]);
            }
        }
        self.to_ask.extend(again);
    }

    /// The venue has accepted: the whole request, or of a request with a number the topics it names.
    pub fn acknowledged(&mut self, answer: &Answered, now: Instant) {
        if !answer.topics.is_empty() {
            let chunk = answer.id.map(|id| self.take(id)).unwrap_or_default();
            self.refuse(chunk.iter().filter(|name| !answer.topics.contains(name)), now);
        }
        for name in self.answered(answer) {
            self.accept(&name);
        }
        self.note(now);
    }

    /// What the answer names had been subscribed before; of the rest of its request the venue took nothing.
    pub fn repeated(&mut self, answer: &Answered, now: Instant) {
        let names_one = |(_, (chunk, _)): &(&u64, &(Vec<String>, Instant))| {
            answer.topics.is_empty() || chunk.iter().any(|name| answer.topics.contains(name))
        };
        let id = answer.id.or_else(|| self.asked.iter().find(names_one).map(|(id, _)| *id));
        let chunk = id.map(|id| self.take(id)).unwrap_or_default();
        let named = if answer.topics.is_empty() && chunk.len() == 1 { &chunk } else { &answer.topics };
        named.iter().for_each(|name| self.accept(name));
        let rest: Vec<String> = chunk.iter().filter(|name| !named.contains(name)).cloned().collect();
        if named.is_empty() {
            self.halve(&rest);
        } else if !rest.is_empty() {
            self.to_ask.push_front(rest);
        }
        self.note(now);
    }

    /// The venue has refused.
    pub fn refused(&mut self, answer: &Answered, now: Instant) {
        let mut chunk = self.answered(answer);
        chunk.retain(|name| self.state_of(name) != Some(State::Acknowledged));
        if chunk.len() > 1 {
            self.halve(&chunk);
        } else {
            self.refuse(chunk.iter(), now);
        }
        self.note(now);
    }

    /// The topics that an answer is about: those it names, else those of its request, else of the oldest request.
    fn answered(&mut self, answer: &Answered) -> Vec<String> {
        if !answer.topics.is_empty() {
            for (chunk, _) in self.asked.values_mut() {
                chunk.retain(|name| !answer.topics.contains(name));
            }
            self.asked.retain(|_, (chunk, _)| !chunk.is_empty());
            return answer.topics.clone();
        }
        let id = answer.id.or_else(|| self.asked.keys().next().copied());
        id.map(|id| self.take(id)).unwrap_or_default()
    }

    /// The topics of a request, which is answered with that.
    fn take(&mut self, id: u64) -> Vec<String> {
        let asked = self.asked.remove(&id).map(|(chunk, _)| chunk);
        asked.or_else(|| self.late.remove(&id)).unwrap_or_default()
    }

    fn halve(&mut self, chunk: &[String]) {
        let (first, second) = chunk.split_at(chunk.len() / 2);
        for half in [second, first].into_iter().filter(|half| !half.is_empty()) {
            self.to_ask.push_front(half.to_vec());
        }
    }

    fn accept(&mut self, name: &str) {
        if let Some(topic) = self.topics.iter_mut().find(|topic| topic.name == name)
            && topic.state != State::Acknowledged
        {
            topic.state = State::Acknowledged;
            self.fresh.push(name.to_owned());
        }
    }

    /// Refused is what was not acknowledged by another answer.
    fn refuse<'a>(&mut self, names: impl Iterator<Item = &'a String>, now: Instant) {
        let again_at = now + self.retry_every;
        for name in names {
            if let Some(topic) = self.topics.iter_mut().find(|topic| topic.name == *name)
                && topic.state != State::Acknowledged
            {
                topic.state = State::Refused(again_at);
            }
        }
    }

    /// Whether every topic was acknowledged or refused.
    pub fn is_settled(&self) -> bool {
        self.topics.iter().all(|topic| topic.state != State::Wanted)
    }

    /// What was acknowledged since the last time this was asked.
    pub fn take_fresh(&mut self) -> Vec<String> {
        std::mem::take(&mut self.fresh)
    }

    /// What is subscribed.
    pub fn acknowledged_topics(&self) -> Vec<String> {
        let acknowledged = self.topics.iter().filter(|topic| topic.state == State::Acknowledged);
        acknowledged.map(|topic| topic.name.clone()).collect()
    }

    /// What is wanted and not subscribed.
    pub fn missing_topics(&self) -> Vec<String> {
        let missing = self.topics.iter().filter(|topic| topic.state != State::Acknowledged);
        missing.map(|topic| topic.name.clone()).collect()
    }

    /// Asks again at a moment, if not before, for those of these topics that were refused; whether there are any.
    pub fn hurry(&mut self, names: &[String], at: Instant) -> bool {
        let mut are_there = false;
        for topic in self.topics.iter_mut().filter(|topic| names.contains(&topic.name)) {
            if let State::Refused(again_at) = &mut topic.state {
                are_there = true;
                *again_at = at.min(*again_at);
            }
        }
        are_there
    }

    /// When something may have to be asked again, while nothing else happens.
    pub fn wake_at(&self) -> Option<Instant> {
        let late = self.asked.values().map(|(_, at)| *at + ANSWER_WITHIN);
        let again = self.topics.iter().filter_map(|topic| match topic.state {
            State::Refused(at) => Some(at),
            _ => None,
        });
        late.chain(again).min()
    }

    /// Whether something waits to be asked.
    pub fn has_requests(&self) -> bool {
        !self.to_ask.is_empty()
    }

    /// For those who judge health.
    pub fn summary(&self) -> Subscriptions {
        let count = |wanted: fn(&State) -> bool| self.topics.iter().filter(|topic| wanted(&topic.state)).count();
        let refused = self.topics.iter().filter(|topic| matches!(topic.state, State::Refused(_)));
        Subscriptions {
            wanted: self.topics.len(),
            acknowledged: count(|state| *state == State::Acknowledged),
            refused: refused.map(|topic| topic.name.clone()).collect(),
            open_since: self.open_since,
        }
    }

    fn note(&mut self, now: Instant) {
        self.open_since = if self.is_settled() { None } else { self.open_since.or(Some(now)) };
    }

    fn state_of(&self, name: &str) -> Option<State> {
        self.topics.iter().find(|topic| topic.name == name).map(|topic| topic.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(range: std::ops::Range<u32>) -> Vec<String> {
        range.map(|n| format!("allLiquidation.{n}USDT")).collect()
    }

    /// Answers every request as a venue would that refuses a whole chunk for one bad topic.
    fn answer_all(subscriber: &mut Subscriber, bad: &[String], now: Instant) -> usize {
        let mut requests = 0;
        while let Some(text) = subscriber.next_request(now) {
            requests += 1;
            let request: serde_json::Value = serde_json::from_str(&text).unwrap();
            let id = request["req_id"].as_str().unwrap().parse().ok();
            let answer = Answered { id, topics: Vec::new() };
            if bad.iter().any(|bad| text.contains(bad)) {
                subscriber.refused(&answer, now);
            } else {
                subscriber.acknowledged(&answer, now);
            }
        }
        requests
    }

    #[test]
    fn one_bad_topic_takes_no_other_along_and_is_tried_again() {
        let (now, hour) = (Instant::now(), Duration::from_secs(3600));
        let names = topics(0..23);
        let mut subscriber = Subscriber::new(Venue::Bybit, &names, 10, hour, now);
        let bad = [names[13].clone()];
        let requests = answer_all(&mut subscriber, &bad, now);
        assert!(requests <= 3 + 8, "{requests}");
        let summary = subscriber.summary();
        assert_eq!((summary.wanted, summary.acknowledged, summary.refused), (23, 22, bad.to_vec()));
        assert!(subscriber.is_settled() && summary.open_since.is_none());
        assert_eq!(answer_all(&mut subscriber, &[], now + hour / 2), 0);
        assert_eq!(answer_all(&mut subscriber, &[], now + hour), 1);
        assert_eq!(subscriber.summary().acknowledged, 23);
        subscriber.add(&topics(20..30), now);
        subscriber.drop_topics(&names[..1], now);
        assert_eq!(answer_all(&mut subscriber, &[], now), 1);
        assert_eq!(subscriber.summary().wanted, 29);
    }

    #[test]
    fn what_goes_unanswered_is_asked_again() {
        let now = Instant::now();
        let mut subscriber = Subscriber::new(Venue::Bitmex, &topics(0..2), 1, Duration::from_secs(60), now);
        assert!(subscriber.next_request(now).is_some() && subscriber.next_request(now).is_some());
        subscriber.acknowledged(&Answered { id: None, topics: topics(1..2) }, now);
        assert!(subscriber.next_request(now + ANSWER_WITHIN / 2).is_none() && !subscriber.is_settled());
        assert!(subscriber.next_request(now + ANSWER_WITHIN).unwrap().contains("0USDT"));
        // Without a name it is about the oldest request.
        subscriber.acknowledged(&Answered::default(), now);
        assert!(subscriber.is_settled());
    }
}
