//! One connection to Redis, and batches of events on their way over it. One attempt at a time: who calls decides about
//! trying again, and may do so freely, for a batch that was counted is not counted twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use liq_core::liq::request::{NewEvent, encode_events};
use liq_core::liq::series::{BatchId, OptionsPatch};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, RedisError, TlsCertificates, Value};

use super::counts::Counts;
use super::rows::wire_form;
use crate::config::{ConfigError, RedisConfig};
use crate::event::Event;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that saves, loads or runs a long command may answer late; a dead one is noticed by this.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Error codes that pass by themselves; the text behind `ERR` decides about the rest.
const PASSING: [&str; 10] =
    ["LOADING", "BUSY", "OOM", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "NOREPLICAS", "EXECABORT", "UNKILLABLE", "ASK"];
/// Error codes of a server that is not, or no longer, the right one: they pass over a new connection, for which the
/// address is looked up anew.
const ELSEWHERE: [&str; 5] = ["READONLY", "MASTERDOWN", "NOAUTH", "MOVED", "WRONGPASS"];

/// The events of one key that travel under one number.
#[derive(Debug)]
pub struct Packed {
    /// Grows from batch to batch of one producer.
    pub seq: u64,
    /// How many events.
    pub events: usize,
    payload: Vec<u8>,
}

impl Packed {
    /// Packs events, in this order.
    pub fn new<'a>(seq: u64, events: impl Iterator<Item = &'a Event>) -> Self {
        let events: Vec<NewEvent<'_>> = events.map(wire_form).collect();
        Self::from_wire(seq, &events)
    }

    /// Packs events in their travelling form.
    pub fn from_wire(seq: u64, events: &[NewEvent<'_>]) -> Self {
        Self { seq, events: events.len(), payload: encode_events(events) }
    }

    /// The events as MessagePack.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// What goes to one key: the next batches in their order, applied together or not at all.
#[derive(Debug)]
pub struct Shipment {
    /// The series.
    pub key: Arc<str>,
    /// Who sends.
    pub producer: Arc<str>,
    /// The batches.
    pub batches: Vec<Packed>,
}

/// What became of a shipment.
#[derive(Debug)]
pub enum Receipt {
    /// Counted, as each batch's counts tell.
    Delivered(Vec<Counts>),
    /// Refused, and nothing changed, except what batches before this one did.
    Refused(Refusal),
}

/// Why the server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whether it may pass without anybody doing something about it.
    pub passes: bool,
    /// The server's words.
    pub text: String,
    /// Which batch of the shipment was refused, from 0.
    pub batch: usize,
}

/// Why an attempt failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The connection.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// The settings do not do.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// What a series is made with, where it is missing.
pub type Creation = Vec<Vec<u8>>;

/// One connection to Redis.
pub struct Courier {
    client: Client,
    connection: Option<MultiplexedConnection>,
    max_memory: Option<String>,
    wait: Option<(usize, Duration)>,
    /// Which process answered the last connection, where it tells.
    run_id: Option<String>,
    /// Series that were made sure of over this connection, with what makes them.
    known: HashMap<Arc<str>, Creation>,
    /// Keys that were made anew by the last delivery although they had been there.
    revived: Vec<Arc<str>>,
}

impl Courier {
    /// Reads address and certificates; connects later.
    pub fn new(config: &RedisConfig) -> Result<Self, ConfigError> {
        crate::choose_crypto();
        let refused = |name, problem: String| ConfigError::Setting { name, problem };
        let url = config.url.reveal();
        let client = match &config.ca_file {
            Some(path) => {
                let pem =
                    std::fs::read(path).map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
                Client::build_with_tls(url, certificates)
            }
            None => Client::open(url),
        };
        // The error's own text may hold the address, and that the password.
        let client = client.map_err(|error| refused("redis.url", format!("{}: {}", config.url, error.category())))?;
        Ok(Self {
            client,
            connection: None,
            max_memory: config.max_memory.clone(),
            wait: (config.wait_replicas > 0).then_some((config.wait_replicas, config.wait)),
            run_id: None,
            known: HashMap::new(),
            revived: Vec::new(),
        })
    }

    /// Makes sure that each key's series exists, asking for the options of those that may not; existing ones keep
    /// theirs. Answers a refusal, or nothing, for each key.
    pub async fn ensure(
        &mut self,
        keys: &[Arc<str>],
        options_of: impl Fn(usize) -> Result<OptionsPatch, ConfigError>,
    ) -> Result<Vec<Option<Refusal>>, DeliveryError> {
        let mut pipeline = Pipeline::new();
        let mut asked = Vec::with_capacity(keys.len());
        for (place, key) in keys.iter().enumerate() {
            let creation = if self.known.contains_key(key) { None } else { Some(options_of(place)?.to_args()) };
            if let Some(options) = &creation {
                pipeline.cmd("LIQ.CREATE").arg(&**key).arg("NX").arg(options);
            }
            asked.push(creation);
        }
        let mut replies = if pipeline.is_empty() { Vec::new() } else { self.send(&pipeline).await? }.into_iter();
        let mut refusals = Vec::with_capacity(keys.len());
        for (key, creation) in keys.iter().zip(asked) {
            let mut refusal = None;
            if let Some(creation) = creation {
                refusal = replies.next().as_ref().and_then(refusal_of);
                if refusal.is_none() {
                    self.known.insert(Arc::clone(key), creation);
                }
            }
            refusals.push(refusal);
        }
        self.leave_if(refusals.iter().flatten());
        Ok(refusals)
    }

    /// Sends shipments, at most one to a key, and tells what became of each. On an error nobody knows, and all of them
    /// are to be sent again.
    ///
    /// A series that is missing by now is made with its options, not with the module's defaults.
    pub async fn deliver(&mut self, shipments: &[Shipment]) -> Result<Vec<Receipt>, RedisError> {
        self.revived.clear();
        if shipments.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(3 * shipments.len());
        for Shipment { key, producer, batches } in shipments {
            if let Some(options) = self.known.get(key) {
                pipeline.cmd("LIQ.CREATE").arg(&**key).arg("NX").arg(options);
            }
            // Were one batch refused and the next taken, the first could never be counted: so several go together.
            let together = batches.len() > 1;
            if together {
                pipeline.cmd("MULTI");
            }
            for Packed { seq, payload, .. } in batches {
                let batch = BatchId { producer: producer.as_bytes(), seq: *seq };
                pipeline.cmd("LIQ.MADDPACK").arg(&**key).arg(payload.as_slice());
                pipeline.arg("BATCH").arg(batch.producer).arg(batch.seq);
            }
            if together {
                pipeline.cmd("EXEC");
            }
        }
        if let Some((replicas, wait)) = self.wait {
            pipeline.cmd("WAIT").arg(replicas).arg(wait.as_millis() as u64);
        }
        let mut replies = self.send(&pipeline).await?.into_iter();
        let mut receipts = Vec::with_capacity(shipments.len());
        for Shipment { key, batches, .. } in shipments {
            if self.known.contains_key(key) && matches!(replies.next(), Some(Value::Okay)) {
                self.revived.push(Arc::clone(key));
            }
            receipts.push(receipt_of(batches.len(), &mut replies));
        }
        if let Some((wanted, _)) = self.wait {
            match replies.next() {
                Some(Value::Int(replicas)) if replicas >= wanted as i64 => {}
                other => {
                    let text = match other {
                        Some(Value::Int(replicas)) => format!("{replicas} of {wanted} replicas have the events"),
                        other => format!("WAIT answered {other:?}"),
                    };
                    receipts.fill_with(|| Receipt::Refused(Refusal { passes: true, text: text.clone(), batch: 0 }));
                }
            }
        }
        let refused = receipts.iter().filter_map(|receipt| match receipt {
            Receipt::Refused(refusal) => Some(refusal),
            Receipt::Delivered(_) => None,
        });
        let leave = refused.clone().any(|refusal| is_elsewhere(&refusal.text));
        if leave {
            self.disconnect();
        }
        Ok(receipts)
    }

    /// Keys that the last delivery had to make anew although they had been there.
    pub fn revived(&self) -> &[Arc<str>] {
        &self.revived
    }

    /// Asks for one value per command; for what is read beside the deliveries.
    pub async fn ask(&mut self, pipeline: &Pipeline) -> Result<Vec<Value>, RedisError> {
        let replies = self.send(pipeline).await?;
        self.leave_if(replies.iter().filter_map(refusal_of).collect::<Vec<_>>().iter());
        Ok(replies)
    }

    /// Connects where no connection stands, looking the address up anew. True when another process answers than the
    /// last time: it may lack what that one had taken.
    pub async fn connect(&mut self) -> Result<bool, RedisError> {
        if self.connection.is_some() {
            return Ok(false);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        if let Some(budget) = &self.max_memory {
            let set = redis::cmd("CONFIG").arg("SET").arg("liq.memory-budget").arg(budget).to_owned();
            if let Err(error) = connection.send_packed_command(&set).await.and_then(Value::extract_error) {
                tracing::warn!(%error, "REDIS_MAX_MEMORY could not be set");
            }
        }
        let info = connection.send_packed_command(redis::cmd("INFO").arg("server")).await?;
        let run_id = run_id_of(&info);
        // One that does not tell may be another each time.
        let is_other = self.run_id.as_ref().is_some_and(|last| Some(last) != run_id.as_ref());
        self.run_id = Some(run_id.unwrap_or_default());
        self.connection = Some(connection);
        Ok(is_other || self.run_id.as_deref() == Some(""))
    }

    /// Lets the connection go; the next one may lead elsewhere.
    pub fn disconnect(&mut self) {
        // Over a new connection the server may be another, or the same without its data.
        self.connection = None;
        self.known.clear();
    }

    fn leave_if<'a>(&mut self, mut refusals: impl Iterator<Item = &'a Refusal>) {
        if refusals.any(|refusal| is_elsewhere(&refusal.text)) {
            self.disconnect();
        }
    }

    /// Sends over the connection that stands.
    async fn send(&mut self, pipeline: &Pipeline) -> Result<Vec<Value>, RedisError> {
        let Some(connection) = &mut self.connection else {
            return Err(RedisError::from((redis::ErrorKind::Io, "not connected")));
        };
        let replies = connection.send_packed_commands(pipeline, 0, pipeline.len()).await;
        if replies.is_err() {
            self.disconnect();
        }
        replies
    }
}

fn run_id_of(info: &Value) -> Option<String> {
    let bytes = match info {
        Value::BulkString(bytes) => bytes.as_slice(),
        Value::VerbatimString { text, .. } => text.as_bytes(),
        _ => return None,
    };
    let text = String::from_utf8_lossy(bytes);
    text.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::to_owned)
}

/// Reads the replies of one shipment.
fn receipt_of(batches: usize, replies: &mut impl Iterator<Item = Value>) -> Receipt {
    let answers: Vec<Value> = if batches > 1 {
        // MULTI, then QUEUED or a refusal for each command.
        let queued: Vec<Value> = replies.by_ref().take(batches + 1).collect();
        let first_refusal = queued.iter().find_map(refusal_of);
        match replies.next() {
            Some(Value::Array(answers)) => answers,
            executed => {
                let aborted = executed.as_ref().and_then(refusal_of);
                return Receipt::Refused(first_refusal.or(aborted).unwrap_or_else(unreadable));
            }
        }
    } else {
        replies.by_ref().take(1).collect()
    };
    let mut counts = Vec::with_capacity(answers.len());
    for (batch, answer) in answers.iter().enumerate() {
        match Counts::decode(answer) {
            Some(decoded) => counts.push(decoded),
            None => {
                let refusal = refusal_of(answer).unwrap_or_else(unreadable);
                return Receipt::Refused(Refusal { batch, ..refusal });
            }
        }
    }
    if counts.len() == batches { Receipt::Delivered(counts) } else { Receipt::Refused(unreadable()) }
}

fn unreadable() -> Refusal {
    Refusal { passes: false, text: "the server's reply is not LIQ.MADDPACK's".to_owned(), batch: 0 }
}

/// The refusal that a reply is, if it is one.
fn refusal_of(reply: &Value) -> Option<Refusal> {
    let Value::ServerError(error) = reply else { return None };
    let code = error.code();
    let text = format!("{code} {}", error.details().unwrap_or_default());
    let passes = PASSING.contains(&code) || ELSEWHERE.contains(&code);
    Some(Refusal { passes, text: text.trim_end().to_owned(), batch: 0 })
}

fn is_elsewhere(text: &str) -> bool {
    text.split(' ').next().is_some_and(|code| ELSEWHERE.contains(&code))
}

/// Whether trying again later may help against a failed attempt; a wrong password stays wrong.
pub fn passes(error: &RedisError) -> bool {
    !matches!(error.kind(), redis::ErrorKind::AuthenticationFailed | redis::ErrorKind::InvalidClientConfig)
}
