//! One connection to a venue, kept up: connect, subscribe, read, answer, and anew after whatever ends it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::plan::Plan;
use crate::config::Config;
use crate::contract::Contracts;
use crate::event::{Batch, Reject};
use crate::metrics::{Count, Metrics};
use crate::rejects::RejectsFile;
use crate::sink::backoff::Backoff;
use crate::sink::{Arrived, now_us};
use crate::venue::{Decoder, Frame};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The largest message that is read; instrument tables of BitMEX take a few hundred kilobytes.
const LARGEST_MESSAGE: usize = 16 << 20;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What all feeds share.
pub struct Shared {
    /// The configuration.
    pub config: Arc<Config>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Where rejects are kept.
    pub rejects: Arc<Mutex<RejectsFile>>,
    /// Where events go.
    pub events: mpsc::Sender<Arrived>,
    /// True when the program is to end.
    pub stop: watch::Receiver<bool>,
}

/// What a connection learns while it stands.
pub enum News {
    /// To be subscribed now, and at every new connection.
    Subscriptions(Vec<String>),
    /// The contract sizes from now on.
    Contracts(Contracts),
}

/// Why a session ended.
enum End {
    /// The program ends.
    Stopped,
    /// The venue's limit of a connection is reached.
    Lifetime,
    /// The control stream says nothing any more.
    Silence,
    /// The connection failed, or the venue closed it.
    Failed(String),
}

/// One connection and what reads it.
pub struct Feed {
    plan: Plan,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
    decoder: Decoder,
    batch: Batch,
    backoff: Backoff,
    news: mpsc::Receiver<News>,
}

impl Feed {
    /// A feed that will follow this plan.
    pub fn new(plan: Plan, shared: Arc<Shared>, contracts: Contracts, news: mpsc::Receiver<News>) -> Self {
        let (first, longest) = shared.config.reconnect;
        let stop = shared.stop.clone();
        let decoder = Decoder::new(contracts);
        Self { plan, shared, stop, decoder, batch: Batch::default(), backoff: Backoff::new(first, longest), news }
    }

    /// Runs until the program is to end.
    pub async fn run(mut self) {
        let venue = self.plan.venue;
        self.shared.metrics.health.alive(&self.plan.name, false);
        loop {
            let end = self.session().await;
            self.shared.metrics.health.alive(&self.plan.name, false);
            let why = match end {
                End::Stopped => return,
                End::Lifetime => {
                    self.backoff.reset();
                    continue;
                }
                End::Silence => {
                    self.shared.metrics.count(venue, Count::Silence);
                    "subscribed, but the control stream is silent".to_owned()
                }
                End::Failed(why) => why,
            };
            let wait = self.backoff.next_wait();
            tracing::warn!(venue = venue.name(), url = self.plan.url, why, ?wait, "disconnected");
            tokio::select! {
                () = sleep(wait) => {}
                () = stopped(&mut self.stop) => return,
            }
        }
    }

    async fn session(&mut self) -> End {
        let mut limits = WebSocketConfig::default();
        limits.max_message_size = Some(LARGEST_MESSAGE);
        limits.max_frame_size = Some(LARGEST_MESSAGE);
        let connecting =
            timeout(CONNECT_TIMEOUT, connect_async_with_config(self.plan.url.as_str(), Some(limits), true));
        let connected = tokio::select! {
            connected = connecting => connected,
            () = stopped(&mut self.stop) => return End::Stopped,
        };
        let socket = match connected {
            Ok(Ok((socket, _))) => socket,
            Ok(Err(error)) => return End::Failed(error.to_string()),
            Err(_) => return End::Failed("no answer to the handshake".to_owned()),
        };
        let venue = self.plan.venue;
        tracing::info!(venue = venue.name(), url = self.plan.url, "connected");
        self.shared.metrics.connection(venue, true);
        let end = self.converse(socket).await;
        self.shared.metrics.connection(venue, false);
        end
    }

    async fn converse(&mut self, mut socket: Socket) -> End {
        let start = tokio::time::Instant::now();
        let silence = self.shared.config.silence;
        let keepalive = self.plan.keepalive.clone();
        let mut to_subscribe: VecDeque<String> = self.plan.subscriptions.iter().cloned().collect();
        let (mut next_subscription, mut silent_at) = (start, start + silence);
        let far = Duration::from_secs(u32::MAX.into());
        let mut keepalive_at = start + keepalive.as_ref().map_or(far, |keepalive| keepalive.every);
        let lifetime_at = start + self.plan.lifetime;
        loop {
            tokio::select! {
                message = socket.next() => match self.message(message) {
                    Ok(reading) => {
                        if reading.is_alive {
                            silent_at = tokio::time::Instant::now() + silence;
                            self.backoff.reset();
                            self.shared.metrics.health.alive(&self.plan.name, true);
                        }
                        match self.hand_on(reading.received_us).await {
                            Handing::Gone => return End::Stopped,
                            // The venue was not silent: nobody listened.
                            Handing::Waited => silent_at = tokio::time::Instant::now() + silence,
                            Handing::Done => {}
                        }
                        if let Some(answer) = reading.answer
                            && let Err(error) = socket.send(Message::text(answer)).await
                        {
                            return End::Failed(error.to_string());
                        }
                    }
                    Err(why) => return End::Failed(why),
                },
                () = sleep_until(next_subscription), if !to_subscribe.is_empty() => {
                    next_subscription = tokio::time::Instant::now() + self.plan.pause;
                    if let Some(text) = to_subscribe.pop_front()
                        && let Err(error) = socket.send(Message::text(text)).await
                    {
                        return End::Failed(error.to_string());
                    }
                }
                () = sleep_until(keepalive_at), if keepalive.is_some() => {
                    let Some(keepalive) = &keepalive else { continue };
                    keepalive_at = tokio::time::Instant::now() + keepalive.every;
                    if let Err(error) = socket.send(Message::text(keepalive.text)).await {
                        return End::Failed(error.to_string());
                    }
                }
                Some(news) = self.news.recv() => match news {
                    News::Subscriptions(texts) => {
                        self.plan.subscriptions.extend(texts.iter().cloned());
                        to_subscribe.extend(texts);
                    }
                    News::Contracts(contracts) => self.decoder = Decoder::new(contracts),
                },
                () = sleep_until(silent_at) => return End::Silence,
                () = sleep_until(lifetime_at) => return End::Lifetime,
                () = stopped(&mut self.stop) => {
                    let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
                    return End::Stopped;
                }
            }
        }
    }

    /// Reads one message into the batch.
    fn message(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<Reading, String> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            // Pings are answered by the library while reading.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(Reading::default()),
            Some(Ok(Message::Binary(bytes))) => {
                self.batch.push(Err(Reject::MalformedFrame));
                self.note(&String::from_utf8_lossy(&bytes), now_us());
                return Ok(Reading::default());
            }
            Some(Ok(Message::Close(frame))) => {
                return Err(frame.map_or_else(|| "closed".to_owned(), |frame| format!("closed: {frame}")));
            }
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("closed".to_owned()),
        };
        if text.as_str() == "pong" {
            return Ok(Reading::default());
        }
        let received_us = now_us();
        let received_ms = u64::try_from(received_us / 1_000).ok();
        let frame = match serde_json::from_str::<Value>(&text) {
            Ok(value) => self.decoder.frame(self.plan.venue, &value, received_ms, &mut self.batch),
            Err(_) => {
                self.batch.push(Err(Reject::MalformedFrame));
                Frame::Unknown
            }
        };
        self.note(&text, received_us);
        let is_alive = matches!(frame, Frame::Data | Frame::Pulse);
        let answer = match frame {
            Frame::Answer(answer) => Some(answer),
            Frame::Refused(why) => {
                self.shared.metrics.count(self.plan.venue, Count::Refusal);
                tracing::error!(venue = self.plan.venue.name(), why, "the venue refused a request");
                None
            }
            _ => None,
        };
        Ok(Reading { is_alive, answer, received_us })
    }

    /// Counts what the batch holds, and keeps its rejects.
    fn note(&mut self, text: &str, received_us: i64) {
        let (venue, metrics) = (self.plan.venue, &self.shared.metrics);
        metrics.events(venue, self.batch.events.len() as u64);
        if let Some(event) = self.batch.events.last() {
            metrics.lag(venue, received_us, event.ts_ms);
        }
        for reject in self.batch.rejects.drain(..) {
            metrics.reject(venue, reject);
            if let Ok(mut file) = self.shared.rejects.lock() {
                file.keep(venue.name(), reject, || text.to_owned());
            }
        }
    }

    /// Hands the batch's events to the spool; waits while the disk is far behind.
    async fn hand_on(&mut self, at_us: i64) -> Handing {
        let mut handing = Handing::Done;
        for event in self.batch.events.drain(..) {
            let arrived = Arrived { event, at_us };
            let sent = match self.shared.events.try_send(arrived) {
                Ok(()) => Ok(()),
                Err(mpsc::error::TrySendError::Full(arrived)) => {
                    handing = Handing::Waited;
                    self.shared.events.send(arrived).await.map_err(drop)
                }
                Err(mpsc::error::TrySendError::Closed(_)) => Err(()),
            };
            if sent.is_err() {
                return Handing::Gone;
            }
        }
        handing
    }
}

/// How events were handed on.
enum Handing {
    Done,
    /// There was no room at first.
    Waited,
    /// Nobody takes events any more.
    Gone,
}

#[derive(Default)]
struct Reading {
    /// The feed has shown that it lives.
    is_alive: bool,
    answer: Option<String>,
    /// When the frame was read, Unix microseconds.
    received_us: i64,
}

/// Ends when the program is to end.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stop.wait_for(|stop| *stop).await;
}
