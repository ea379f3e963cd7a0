//! One connection to a venue from its making to its end: connect, subscribe, read, answer.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message};

use super::dial::{Socket, dial};
use super::plan::Plan;
use super::presence::{Place, Presence};
use super::rest::wait_of;
use super::shared::{Repeated, Shared};
use super::subscriber::Subscriber;
use crate::contract::Contracts;
use crate::event::{Batch, Reject};
use crate::item::Item;
use crate::metrics::Count;
use crate::sink::{Arrived, now_us};
use crate::venue::{Decoder, Frame};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long what is still on its way is read when the connection is left …
const LEAVING: Duration = Duration::from_secs(5);
/// … and when the program is to end.
const ENDING: Duration = Duration::from_secs(1);
const FAR: Duration = Duration::from_secs(365 * 86_400);

/// What a connection learns while it stands.
#[derive(Clone)]
pub enum News {
    /// To be subscribed too.
    Topics(Vec<String>),
    /// Not there any more.
    Gone(Vec<String>),
    /// The contract sizes from now on.
    Contracts(Contracts),
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was asked to.
    Left,
    /// The control stream says nothing any more.
    Silence,
    /// The connection failed, or the venue closed it.
    Failed(String),
    /// The venue asks to be left alone for so long.
    Busy(Duration, String),
}

/// One connection and what reads it.
pub struct Session {
    /// How the venue is spoken to.
    pub plan: Arc<Plan>,
    /// What all feeds share.
    pub shared: Arc<Shared>,
    /// Contract sizes at its beginning.
    pub contracts: Contracts,
    /// What it learns.
    pub news: mpsc::Receiver<News>,
    /// True when it is to end.
    pub leave: watch::Receiver<bool>,
    /// True when health is to hear of it, and not of the one before.
    pub speaks: watch::Receiver<bool>,
    /// Its place among the connections of its plan.
    pub place: Place,
}

impl Session {
    /// Runs to its end, beginning after `delay`.
    pub async fn run(mut self, delay: Duration) -> End {
        let proxy = self.shared.config.venue(self.plan.venue).proxy;
        let connecting = async {
            tokio::time::sleep(delay).await;
            timeout(CONNECT_TIMEOUT, dial(&self.plan.url, proxy.as_ref())).await
        };
        let connected = tokio::select! {
            connected = connecting => connected,
            () = super::stopped(&mut self.leave) => return End::Left,
        };
        let socket = match connected {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => return refusal(&error),
            Err(_) => return End::Failed("no answer to the handshake".to_owned()),
        };
        let venue = self.plan.venue;
        tracing::info!(venue = venue.name(), name = self.plan.name, "connected");
        self.shared.metrics.connection(venue, true);
        let Self { plan, shared, contracts, news, leave, speaks, place } = self;
        let now = Instant::now();
        let subscriber = Subscriber::new(venue, &plan.topics, plan.chunk, shared.config.resubscribe, now);
        let decoder = Decoder::new(contracts).keeping_unknown().joining_dated(shared.config.joins_dated);
        let decoder = match &plan.markets {
            Some(wanted) => decoder.feeding(Arc::clone(wanted)),
            None => decoder,
        };
        let batch = Batch::default();
        let presence = Presence::new(Arc::clone(&plan), Arc::clone(&shared), place, *speaks.borrow());
        let mut reader = Reader { plan, shared, decoder, batch, subscriber, presence };
        let end = reader.converse(socket, news, leave, speaks).await;
        reader.presence.end();
        reader.shared.metrics.connection(venue, false);
        reader.finish().await;
        end
    }
}

/// Why no connection was made: `Retry-After` tells how long the venue wants to be left alone.
fn refusal(error: &tungstenite::Error) -> End {
    if let tungstenite::Error::Http(response) = error {
        let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        if let Some(wait) = after.and_then(|after| wait_of(after, SystemTime::now())) {
            return End::Busy(wait, error.to_string());
        }
    }
    End::Failed(error.to_string())
}

struct Reader {
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    decoder: Decoder,
    batch: Batch,
    subscriber: Subscriber,
    presence: Presence,
}

impl Reader {
    async fn converse(
        &mut self,
        mut socket: Socket,
        mut news: mpsc::Receiver<News>,
        mut leave: watch::Receiver<bool>,
        mut speaks: watch::Receiver<bool>,
    ) -> End {
        let mut is_silent = !*speaks.borrow();
        for text in &self.plan.opening {
            if let Err(error) = socket.send(Message::text(text.as_str())).await {
                return End::Failed(error.to_string());
            }
        }
        let (silence, keepalive) = (self.shared.config.silence, self.plan.keepalive.clone());
        let start = tokio::time::Instant::now();
        let (mut silent_at, mut request_at) = (start + silence, start);
        let mut keepalive_at = start + keepalive.as_ref().map_or(FAR, |keepalive| keepalive.every);
        loop {
            let has_requests = self.subscriber.has_requests();
            let wake_at = self.subscriber.wake_at().map_or(start + FAR, Into::into);
            let request_due = if has_requests { request_at } else { wake_at.max(request_at) };
            let to_send = tokio::select! {
                message = socket.next() => match self.take(message).await {
                    Ok(reading) => {
                        if reading.is_alive || reading.has_waited {
                            silent_at = tokio::time::Instant::now() + silence;
                        }
                        reading.answer
                    }
                    Err(end) => return end,
                },
                () = sleep_until(request_due) => {
                    request_at = tokio::time::Instant::now() + self.plan.pause;
                    self.subscriber.next_request(Instant::now())
                }
                () = sleep_until(keepalive_at) => {
                    keepalive_at = tokio::time::Instant::now() + keepalive.as_ref().map_or(FAR, |keepalive| keepalive.every);
                    keepalive.as_ref().map(|keepalive| keepalive.text.to_owned())
                }
                Some(news) = news.recv() => {
                    self.learn(news);
                    None
                }
                () = super::stopped(&mut speaks), if is_silent => {
                    is_silent = false;
                    self.presence.speak(&mut self.subscriber);
                    None
                }
                () = sleep_until(silent_at) => return End::Silence,
                () = super::stopped(&mut leave) => return self.leave(socket).await,
            };
            if let Some(text) = to_send
                && let Err(error) = socket.send(Message::text(text)).await
            {
                return End::Failed(error.to_string());
            }
        }
    }

    fn learn(&mut self, news: News) {
        match news {
            News::Topics(topics) => self.subscriber.add(&topics, Instant::now()),
            News::Gone(topics) => {
                self.subscriber.drop_topics(&topics, Instant::now());
                self.presence.forget(&topics);
            }
            News::Contracts(contracts) => self.decoder.learn(contracts),
        }
        self.presence.tell(&mut self.subscriber);
    }

    /// Says good-bye, and reads what the venue had sent before it heard.
    async fn leave(&mut self, mut socket: Socket) -> End {
        self.presence.fall_silent();
        let mut stop = self.shared.stop.clone();
        let reading = async {
            let _ = socket.send(Message::Close(None)).await;
            while let Some(message) = socket.next().await {
                if self.take(Some(message)).await.is_err() {
                    break;
                }
            }
        };
        let ending = async {
            super::stopped(&mut stop).await;
            tokio::time::sleep(ENDING).await;
        };
        tokio::select! {
            () = reading => {}
            () = tokio::time::sleep(LEAVING) => {}
            () = ending => {}
        }
        End::Left
    }

    /// Gives out what still waits for a price: over this connection nobody tells it any more.
    async fn finish(&mut self) {
        let at_us = now_us();
        self.decoder.finish(&mut self.batch);
        self.note("no price came before the connection ended", at_us);
        // A spool that is gone takes nothing, here as before.
        let _ = self.hand_on(at_us).await;
    }

    /// Reads one message and hands its events on.
    async fn take(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<Reading, End> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            // Pings are answered by the library while reading.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(Reading::default()),
            Some(Ok(Message::Binary(bytes))) => {
                let (text, at_us) = (String::from_utf8_lossy(&bytes), now_us());
                self.record(at_us, &text);
                self.batch.push(Err(Reject::MalformedFrame));
                self.note(&text, at_us);
                return Ok(Reading::default());
            }
            Some(Ok(Message::Close(frame))) => {
                let why = frame.map_or_else(|| "closed".to_owned(), |frame| format!("closed: {frame}"));
                return Err(End::Failed(why));
            }
            Some(Err(error)) => return Err(End::Failed(error.to_string())),
            None => return Err(End::Failed("closed".to_owned())),
        };
        if text.as_str() == "pong" {
            return Ok(Reading::default());
        }
        let at_us = now_us();
        let frame = match serde_json::from_str::<Value>(&text) {
            Ok(mut value) => {
                // What is recorded is what counts, however many connections told it.
                match self.shared.drop_repeated(self.plan.venue, &mut value) {
                    Repeated::Nothing => self.record(at_us, &text),
                    Repeated::Part => self.record(at_us, &value.to_string()),
                    Repeated::All => {}
                }
                let received_ms = u64::try_from(at_us / 1_000).ok();
                self.decoder.set_seamless(self.presence.is_seamless());
                self.decoder.frame(self.plan.venue, &value, received_ms, &mut self.batch)
            }
            Err(_) => {
                self.record(at_us, &text);
                self.batch.push(Err(Reject::MalformedFrame));
                Frame::Unknown
            }
        };
        self.note(&text, at_us);
        let mut reading = self.heed(frame);
        for topic in self.presence.take_apart() {
            self.decoder.set_apart(&topic);
        }
        reading.has_waited = self.hand_on(at_us).await?;
        Ok(reading)
    }

    fn record(&self, at_us: i64, text: &str) {
        if let Some(recorder) = &self.shared.recorder {
            recorder.frame(self.plan.venue, at_us, text);
        }
    }

    fn heed(&mut self, frame: Frame) -> Reading {
        let mut reading = Reading::default();
        match frame {
            Frame::Data | Frame::Pulse => {
                reading.is_alive = true;
                self.presence.data_came(&mut self.subscriber);
            }
            Frame::Answer(answer) => reading.answer = Some(answer),
            Frame::Acknowledged(answer) => {
                self.subscriber.acknowledged(&answer, Instant::now());
                self.presence.tell(&mut self.subscriber);
            }
            Frame::Repeated(answer) => {
                self.subscriber.repeated(&answer, Instant::now());
                self.presence.tell(&mut self.subscriber);
            }
            Frame::Refused(answer, why) => {
                let venue = self.plan.venue;
                self.shared.metrics.count(venue, Count::Refusal);
                tracing::error!(venue = venue.name(), why, "the venue refused a request");
                self.subscriber.refused(&answer, Instant::now());
                self.presence.tell(&mut self.subscriber);
            }
            Frame::Control | Frame::Unknown => {}
        }
        reading
    }

    /// Counts what the batch holds, keeps its rejects, and holds events of contracts that nobody knows yet.
    fn note(&mut self, text: &str, at_us: i64) {
        let (venue, metrics) = (self.plan.venue, &self.shared.metrics);
        let held = self.shared.instruments.hold(venue, self.decoder.take_unknown(), at_us);
        metrics.events(venue, (self.batch.events.len() + self.batch.market.len()) as u64);
        metrics.estimates(venue, self.decoder.take_estimates());
        let newest = self.batch.events.last().map(|event| event.ts_ms);
        if let Some(ts_ms) = newest.or_else(|| self.batch.market.last().map(|item| item.told.ts_ms())) {
            metrics.lag(venue, at_us, ts_ms);
        }
        for reject in self.batch.rejects.drain(..) {
            if held && reject == Reject::UnknownMultiplier {
                continue;
            }
            metrics.reject(venue, reject);
            if let Ok(mut file) = self.shared.rejects.lock() {
                file.keep(venue.name(), reject, || text.to_owned());
            }
        }
    }

    /// Hands the batch's events to the spool; true when it had to wait, because the disk is far behind.
    async fn hand_on(&mut self, at_us: i64) -> Result<bool, End> {
        let (mut has_waited, mut items) = (false, self.batch.take_items());
        while let Some(item) = items.next() {
            // What waited for its price may have been told by REST meanwhile, or over another connection.
            if matches!(&item, Item::Liquidation(event) if self.shared.is_told_otherwise(self.plan.venue, event)) {
                continue;
            }
            let is_taken = match self.shared.events.try_send(Arrived { item, at_us }) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(arrived) | mpsc::error::TrySendError::Closed(arrived)) => {
                    has_waited = true;
                    self.shared.hand_on(arrived).await
                }
            };
            if !is_taken {
                self.shared.metrics.dropped(items.count() as u64);
                return Err(End::Left);
            }
        }
        Ok(has_waited)
    }
}

#[derive(Default)]
struct Reading {
    /// The feed has shown that it lives.
    is_alive: bool,
    /// Nobody listened for a while: the venue was not silent.
    has_waited: bool,
    answer: Option<String>,
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
