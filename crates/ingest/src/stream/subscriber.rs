//! What is subscribed over one connection: asked in chunks, acknowledged or refused, and asked for again. A refused
//! chunk is halved until it is known which topic is at fault. No I/O here.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::plan;
use crate::metrics::health::Subscriptions;
use crate::venue::{Answered, Venue};

/// How long an answer is awaited before the same is asked again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

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
    next_id: u64,
    chunk: usize,
    retry_every: Duration,
    open_since: Option<Instant>,
}

impl Subscriber {
    /// Everything is yet to be asked. Refused topics are tried again every `retry_every`.
    pub fn new(venue: Venue, topics: &[String], chunk: usize, retry_every: Duration, now: Instant) -> Self {
        let mut subscriber = Self {
            venue,
            topics: Vec::new(),
            to_ask: VecDeque::new(),
            asked: BTreeMap::new(),
            next_id: 1,
            chunk: chunk.max(1),
            retry_every,
            open_since: None,
        };
        subscriber.add(topics, now);
        subscriber
    }

    /// Wants further topics.
    pub fn add(&mut self, names: &[String], now: Instant) {
        let fresh: Vec<String> = names.iter().filter(|name| self.find(name).is_none()).cloned().collect();
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
        let chunk = self.to_ask.pop_front()?;
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
                let left: Vec<String> = chunk.into_iter().filter(|name| self.is_wanted(name)).collect();
                self.to_ask.extend((!left.is_empty()).then_some(left));
            }
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
        if !answer.topics.is_empty()
            && let Some((chunk, _)) = answer.id.and_then(|id| self.asked.remove(&id))
        {
            let again_at = now + self.retry_every;
            for left_out in chunk.iter().filter(|name| !answer.topics.contains(name)) {
                if let Some(topic) = self.find(left_out) {
                    topic.state = State::Refused(again_at);
                }
            }
        }
        for name in self.answered(answer) {
            if let Some(topic) = self.find(&name) {
                topic.state = State::Acknowledged;
            }
        }
        self.note(now);
    }

    /// The venue has refused.
    pub fn refused(&mut self, answer: &Answered, now: Instant) {
        let chunk = self.answered(answer);
        if chunk.len() > 1 {
            let (first, second) = chunk.split_at(chunk.len() / 2);
            self.to_ask.push_front(second.to_vec());
            self.to_ask.push_front(first.to_vec());
        } else if let Some(topic) =
            chunk.first().and_then(|name| self.topics.iter_mut().find(|topic| topic.name == *name))
        {
            topic.state = State::Refused(now + self.retry_every);
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
        id.and_then(|id| self.asked.remove(&id)).map(|(chunk, _)| chunk).unwrap_or_default()
    }

    /// Whether every topic was acknowledged or refused.
    pub fn is_settled(&self) -> bool {
        self.topics.iter().all(|topic| topic.state != State::Wanted)
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

    fn is_wanted(&self, name: &str) -> bool {
        self.topics.iter().any(|topic| topic.name == name && topic.state == State::Wanted)
    }

    fn find(&mut self, name: &str) -> Option<&mut Topic> {
        self.topics.iter_mut().find(|topic| topic.name == name)
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
