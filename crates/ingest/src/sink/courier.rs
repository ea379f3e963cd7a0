//! One connection to Redis, and batches of events on their way over it. One attempt at a time: who calls decides about
//! trying again, and may do so freely, for a batch that was counted is not counted twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use liq_core::settings::ClockMode;
use redis::{Cmd, Pipeline, RedisError, Value};

use super::budget::Budget;
use super::counts::Counts;
use super::link::{Door, Link, RESPONSE_TIMEOUT};
use super::masters::{Masters, Seen};
use super::packed::Packed;
use crate::config::{Config, ConfigError, RedisConfig};
use crate::item::Home;

/// How long the masters of a cluster may take to answer that they are there; events wait meanwhile.
const PING_WITHIN: Duration = Duration::from_secs(1);

/// Error codes that pass by themselves; the text behind `ERR` decides about the rest.
const PASSING: [&str; 10] =
    ["LOADING", "BUSY", "OOM", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "NOREPLICAS", "EXECABORT", "UNKILLABLE", "ASK"];
/// Error codes of a server that is not, or no longer, the right one: they pass over a new connection, for which the
/// address is looked up anew.
const ELSEWHERE: [&str; 5] = ["READONLY", "MASTERDOWN", "NOAUTH", "MOVED", "WRONGPASS"];

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

/// One connection to Redis.
pub struct Courier {
    door: Door,
    link: Option<Link>,
    /// How long answers are awaited over the next connection.
    patience: Duration,
    budget: Option<Budget>,
    wait: Option<(usize, Duration)>,
    /// Who answered last.
    seen: Seen,
    /// Keys that were made sure of over this connection, with what makes them.
    known: HashMap<Arc<str>, Cmd>,
    /// Keys that were made anew by the last delivery although they had been there.
    revived: Vec<Arc<str>>,
}

impl Courier {
    /// Reads address and certificates; connects later.
    pub fn new(config: &RedisConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            door: Door::new(config)?,
            link: None,
            patience: RESPONSE_TIMEOUT,
            budget: config.max_memory.clone().map(Budget::new),
            wait: (config.wait_replicas > 0).then_some((config.wait_replicas, config.wait)),
            seen: Seen::default(),
            known: HashMap::new(),
            revived: Vec::new(),
        })
    }

    /// Makes sure that each key, which is one of `homes` each, exists; existing ones keep their options. Answers a
    /// refusal, or nothing, for each key.
    pub async fn ensure(
        &mut self,
        keys: &[Arc<str>],
        homes: &[&Home],
        config: &Config,
        clock: ClockMode,
    ) -> Result<Vec<Option<Refusal>>, DeliveryError> {
        let (mut parts, mut asked) = (Vec::new(), Vec::new());
        let unknown = keys.iter().zip(homes).enumerate().filter(|(_, (key, _))| !self.known.contains_key(*key));
        for (place, (key, home)) in unknown {
            let creation = home.creation(key, config, clock)?;
            let mut part = Pipeline::with_capacity(1);
            part.add_command(creation.clone());
            parts.push(part);
            asked.push((place, creation));
        }
        let mut refusals = vec![None; keys.len()];
        let replies = if parts.is_empty() { Vec::new() } else { self.send(&parts).await? };
        for ((place, creation), replies) in asked.into_iter().zip(replies) {
            let refusal = match replies {
                Ok(replies) => replies.first().and_then(refusal_of),
                Err(error) => Some(refusal_by(&error)),
            };
            match (refusal, keys.get(place)) {
                (None, Some(key)) => drop(self.known.insert(Arc::clone(key), creation)),
                (refusal, _) => refusals.get_mut(place).into_iter().for_each(|slot| slot.clone_from(&refusal)),
            }
        }
        self.leave_if(refusals.iter().flatten());
        Ok(refusals)
    }

    /// Sends shipments, at most one to a key, and tells what became of each. On an error nobody knows, and all of them
    /// are to be sent again.
    ///
    /// A key that is missing by now is made with its options, not with the module's defaults.
    pub async fn deliver(&mut self, shipments: &[Shipment]) -> Result<Vec<Receipt>, RedisError> {
        self.revived.clear();
        if shipments.is_empty() {
            return Ok(Vec::new());
        }
        let mut parts: Vec<Pipeline> = shipments.iter().map(|shipment| self.part(shipment)).collect();
        // One for all that goes over one connection; each would wait for the replicas' next word.
        let waits_once = self.wait.is_some() && self.link.as_ref().is_some_and(|link| !link.may_turn());
        if let Some(wait) = self.waiting() {
            if waits_once {
                parts.push(Pipeline::with_capacity(1));
            }
            let waiting = if waits_once { parts.len() - 1 } else { 0 };
            for part in parts.iter_mut().skip(waiting) {
                part.add_command(wait.clone());
            }
        }
        let mut answers = self.send(&parts).await?;
        let waited =
            if waits_once { answers.pop().and_then(Result::ok).and_then(|mut replies| replies.pop()) } else { None };
        let mut receipts = Vec::with_capacity(shipments.len());
        for (Shipment { key, batches, .. }, replies) in shipments.iter().zip(answers) {
            let replies = match replies {
                Ok(replies) => replies,
                Err(error) => {
                    receipts.push(Receipt::Refused(refusal_by(&error)));
                    continue;
                }
            };
            let mut replies = replies.into_iter();
            if self.known.contains_key(key) && matches!(replies.next(), Some(Value::Okay)) {
                self.revived.push(Arc::clone(key));
            }
            let receipt = receipt_of(batches, &mut replies);
            let lacking =
                self.wait.and_then(|(wanted, _)| lacking_replicas(wanted, replies.next().as_ref().or(waited.as_ref())));
            receipts.push(match (receipt, lacking) {
                (Receipt::Delivered(_), Some(text)) => Receipt::Refused(Refusal { passes: true, text, batch: 0 }),
                (receipt, _) => receipt,
            });
        }
        let refusals = receipts.iter().filter_map(|receipt| match receipt {
            Receipt::Refused(refusal) => Some(refusal),
            Receipt::Delivered(_) => None,
        });
        self.leave_if(refusals);
        Ok(receipts)
    }

    /// What goes to one key.
    fn part(&self, shipment: &Shipment) -> Pipeline {
        let Shipment { key, producer, batches } = shipment;
        let mut part = Pipeline::with_capacity(batches.len() + 4);
        if let Some(creation) = self.known.get(key) {
            part.add_command(creation.clone());
        }
        // Were one batch refused and the next taken, the first could never be counted: so several go together.
        let together = commands_of(batches) > 1;
        if together {
            part.cmd("MULTI");
        }
        for batch in batches {
            batch.add_to(&mut part, key, producer);
        }
        if together {
            part.cmd("EXEC");
        }
        part
    }

    /// What waits until the replicas have all that went before it over its connection.
    fn waiting(&self) -> Option<Cmd> {
        let (replicas, wait) = self.wait?;
        Some(redis::cmd("WAIT").arg(replicas).arg(wait.as_millis() as u64).to_owned())
    }

    /// Keys that the last delivery had to make anew although they had been there.
    pub fn revived(&self) -> &[Arc<str>] {
        &self.revived
    }

    /// Asks for one value per command, each about one key; for what is read beside the deliveries.
    pub async fn ask(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, RedisError> {
        let part = |command: &Cmd| {
            let mut part = Pipeline::with_capacity(1);
            part.add_command(command.clone());
            part
        };
        let parts: Vec<Pipeline> = commands.iter().map(part).collect();
        let mut values = Vec::with_capacity(parts.len());
        for replies in self.send(&parts).await? {
            values.push(replies?.into_iter().next().unwrap_or(Value::Nil));
        }
        self.leave_if(values.iter().filter_map(refusal_of).collect::<Vec<_>>().iter());
        Ok(values)
    }

    /// Connects where no connection stands, looking the address up anew. True when another process answers than the
    /// last time: it may lack what that one had taken.
    ///
    /// To be called before every delivery: a cluster's nodes come back behind a connection without a word, and a batch
    /// that such a node takes before the ones that it lost makes those look repeated.
    pub async fn connect(&mut self) -> Result<bool, RedisError> {
        if let Some(link) = &mut self.link {
            if let Some(budget) = &mut self.budget {
                budget.tell(link).await;
            }
            if link.may_turn() {
                let masters = link.masters().await?;
                return Ok(self.is_other(masters));
            }
            return Ok(false);
        }
        let mut link = self.door.connect_for(self.patience).await?;
        if let Some(budget) = &mut self.budget {
            budget.begin();
            budget.tell(&mut link).await;
        }
        let masters = link.masters().await?;
        self.link = Some(link);
        Ok(self.is_other(masters))
    }

    /// Whether all answer who take events. A single server is asked by every command; of a cluster's masters one may be gone
    /// of which the others do not know yet.
    pub async fn do_all_answer(&mut self) -> bool {
        let Some(link) = &mut self.link else { return false };
        if !link.may_turn() {
            return true;
        }
        let masters = self.seen.count();
        let ping = redis::cmd("PING");
        match tokio::time::timeout(PING_WITHIN, link.ask_each(&ping)).await {
            Ok(Ok(answers)) => {
                answers.len() >= masters && answers.iter().all(|(_, answer)| refusal_of(answer).is_none())
            }
            _ => false,
        }
    }

    /// Whether somebody else answers than the last time, who is told the budget then.
    fn is_other(&mut self, masters: Masters) -> bool {
        let is_other = self.seen.is_other(masters);
        if let Some(budget) = self.budget.as_mut().filter(|_| is_other && self.link.is_some()) {
            budget.begin();
        }
        is_other
    }

    /// Awaits answers for so long, over the next connection.
    pub const fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Lets the connection go; the next one may lead elsewhere.
    pub fn disconnect(&mut self) {
        // Over a new connection the server may be another, or the same without its data.
        self.link = None;
        self.known.clear();
    }

    fn leave_if<'a>(&mut self, mut refusals: impl Iterator<Item = &'a Refusal>) {
        if refusals.any(|refusal| is_elsewhere(&refusal.text)) {
            self.disconnect();
        }
    }

    /// Sends over the connection that stands, each part for itself; an error when all of them failed.
    async fn send(&mut self, parts: &[Pipeline]) -> Result<Vec<Result<Vec<Value>, RedisError>>, RedisError> {
        let Some(link) = &mut self.link else {
            return Err(RedisError::from((redis::ErrorKind::Io, "not connected")));
        };
        let mut answers = link.send(parts).await;
        if answers.iter().all(Result::is_err) {
            self.disconnect();
            if let Some(Err(error)) = answers.pop() {
                return Err(error);
            }
        }
        Ok(answers)
    }
}

/// What to say when fewer replicas than wanted have the events.
fn lacking_replicas(wanted: usize, answer: Option<&Value>) -> Option<String> {
    match answer {
        Some(Value::Int(replicas)) if *replicas >= wanted as i64 => None,
        Some(Value::Int(replicas)) => Some(format!("{replicas} of {wanted} replicas have the events")),
        other => Some(format!("WAIT answered {other:?}")),
    }
}

/// An error of one part of a cluster.
fn refusal_by(error: &RedisError) -> Refusal {
    Refusal { passes: passes(error), text: error.to_string(), batch: 0 }
}

/// Reads the replies of one shipment.
fn receipt_of(batches: &[Packed], replies: &mut impl Iterator<Item = Value>) -> Receipt {
    let commands = commands_of(batches);
    let answers: Vec<Value> = if commands > 1 {
        // MULTI, then QUEUED or a refusal for each command.
        let queued: Vec<Value> = replies.by_ref().take(commands + 1).collect();
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
    let (mut counts, mut answers) = (Vec::with_capacity(batches.len()), answers.into_iter());
    for (place, batch) in batches.iter().enumerate() {
        let own: Vec<Value> = answers.by_ref().take(batch.commands()).collect();
        let refusal = own.iter().find_map(refusal_of);
        match own.last().filter(|_| refusal.is_none()).and_then(|answer| batch.counts(answer)) {
            Some(decoded) => counts.push(decoded),
            None => return Receipt::Refused(Refusal { batch: place, ..refusal.unwrap_or_else(unreadable) }),
        }
    }
    Receipt::Delivered(counts)
}

/// How many commands the batches of a shipment take.
fn commands_of(batches: &[Packed]) -> usize {
    batches.iter().map(Packed::commands).sum()
}

fn unreadable() -> Refusal {
    Refusal { passes: false, text: "the server's reply is not the command's".to_owned(), batch: 0 }
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
