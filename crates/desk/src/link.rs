//! The way to Redis: one connection for all, opened when first needed, with a time limit for every command, and no
//! waiting at all while the server is known to be away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, Pipeline, Value};

use crate::health::{Backoff, Gate, SharedGate, Turn, is_elsewhere, is_not_ready};
use crate::{Error, Health, LinkTotals};

/// How long a command may take unless told otherwise.
pub(crate) const TIME_LIMIT: Duration = Duration::from_millis(250);
/// How many failures in a row make a link go down unless told otherwise.
pub(crate) const ATTEMPTS: u32 = 3;
/// After so long the server's clock is asked for again.
const CLOCK_AGE: Duration = Duration::from_secs(30);

/// A connection whose kind nobody here needs to know.
type AnyConnection = Box<dyn ConnectionLike + Send + Sync>;

/// A link to one server, cluster or Sentinel set; clones share it.
///
/// Opening does not connect, so a program starts while the server is away. Every command has a time limit; after three
/// failures in a row the link is [down](Health::Down): commands answer [`Error::Away`] at once, and a probe in the
/// background, after 0.5 s and then doubling to 15 s, finds out when the server is back. A server that refuses what only a
/// master takes, or asks for another password, is left: the address is looked up and connected to anew, so a link follows
/// a failover behind a name, a virtual address or a proxy.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    source: Source,
    gate: SharedGate,
    limit: Duration,
    clock: Mutex<Option<Clock>>,
    /// How many connections were given up: another one may lead to another server.
    given_up: AtomicU64,
}

enum Source {
    Url { client: Box<redis::Client>, connection: tokio::sync::Mutex<Option<MultiplexedConnection>> },
    Given(Box<dyn Fn() -> AnyConnection + Send + Sync>),
}

/// What the server's clock showed at a moment of ours.
#[derive(Clone, Copy)]
struct Clock {
    server_ms: u64,
    at: Instant,
}

impl Link {
    /// A link to the server of `url`: `redis://[:password@]host[:port][/db]` or `redis+unix://path`.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the text is no such address. A server that is away is no error.
    pub fn open(url: &str) -> Result<Self, Error> {
        Self::open_with(url, TIME_LIMIT, ATTEMPTS)
    }

    /// As [`Self::open`], with the time limit of a command (default 250 ms) and how many failures in a row make the link
    /// go down (default 3, at least 1).
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(url: &str, time_limit: Duration, attempts: u32) -> Result<Self, Error> {
        let problem =
            |error: redis::RedisError| Error::Configuration { name: "url", problem: error.to_string().into() };
        Ok(Self::to_client(redis::Client::open(url).map_err(problem)?, time_limit, attempts))
    }

    /// A link over a connection of the caller's: of a cluster, of Sentinel, of a test. It must connect again by itself.
    /// As its blocking reads would hold up everybody, a queue's workers over it ask every 50 ms instead.
    pub fn over(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::over_with(connection, TIME_LIMIT, ATTEMPTS)
    }

    /// As [`Self::over`], with the limits of [`Self::open_with`].
    pub fn over_with(
        connection: impl ConnectionLike + Clone + Send + Sync + 'static,
        time_limit: Duration,
        attempts: u32,
    ) -> Self {
        Self::with(Source::Given(Box::new(move || Box::new(connection.clone()))), time_limit, attempts)
    }

    pub(crate) fn to_client(client: redis::Client, limit: Duration, attempts: u32) -> Self {
        Self::with(Source::Url { client: Box::new(client), connection: tokio::sync::Mutex::new(None) }, limit, attempts)
    }

    fn with(source: Source, limit: Duration, attempts: u32) -> Self {
        let gate = Arc::new(Gate::new(attempts));
        Self { inner: Arc::new(Inner { source, gate, limit, clock: Mutex::new(None), given_up: AtomicU64::new(0) }) }
    }

    /// What the link knows of its server, without asking.
    pub fn health(&self) -> Health {
        self.inner.gate.health()
    }

    /// What it has counted.
    pub fn totals(&self) -> LinkTotals {
        self.inner.gate.totals()
    }

    /// The time an answer takes.
    ///
    /// # Errors
    /// As every command: [`Error::Away`], [`Error::TimedOut`], [`Error::Lost`] or [`Error::Refused`].
    pub async fn ping(&self) -> Result<Duration, Error> {
        let asked = Instant::now();
        self.send(&redis::cmd("PING")).await?;
        Ok(asked.elapsed())
    }

    /// How long a command may take.
    #[cfg(any(feature = "cache", feature = "queue"))]
    pub(crate) fn limit(&self) -> Duration {
        self.inner.limit
    }

    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, Error> {
        self.guarded(async {
            let mut connection = self.inner.connection().await?;
            Ok(connection.req_packed_command(command).await?.extract_error()?)
        })
        .await
    }

    /// The answers of several commands sent together; each may be an error of its own ([`Value::ServerError`]).
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, Error> {
        let answers = self.guarded(async {
            let mut connection = self.inner.connection().await?;
            let answers = connection.req_packed_commands(commands, 0, commands.len()).await?;
            // A server that is not ready says so to each of them.
            match answers.first() {
                Some(Value::ServerError(error)) if is_not_ready(&error.clone().into()) => Err(error.clone().into()),
                _ => Ok(answers),
            }
        });
        let answers = answers.await?;
        let refused =
            |answer: &Value| matches!(answer, Value::ServerError(error) if is_elsewhere(&error.clone().into()));
        if answers.iter().any(refused) {
            self.inner.leave().await;
        }
        Ok(answers)
    }

    /// The server's clock in Unix milliseconds: processes whose own clocks differ agree on it. Asked for every half a
    /// minute at most; the program's own clock where the server never answered.
    pub(crate) async fn now_ms(&self) -> u64 {
        if let Some(now_ms) = self.known_now_ms() {
            return now_ms;
        }
        let asked = Instant::now();
        if let Ok(Value::Array(parts)) = self.send(&redis::cmd("TIME")).await
            && let Ok([seconds, micros]) = <[u64; 2]>::try_from(parts.iter().filter_map(integer).collect::<Vec<_>>())
        {
            // The answer is as old as half of its way.
            let at = asked + asked.elapsed() / 2;
            let clock = Clock { server_ms: seconds * 1000 + micros / 1000, at };
            *self.inner.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock);
        }
        let clock = *self.inner.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.map_or_else(own_now_ms, Clock::now_ms)
    }

    fn known_now_ms(&self) -> Option<u64> {
        let clock = *self.inner.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.filter(|clock| clock.at.elapsed() < CLOCK_AGE).map(Clock::now_ms)
    }

    async fn guarded<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        if let Err((error, orphaned)) = self.inner.gate.admit() {
            if orphaned {
                self.probe();
            }
            return Err(error);
        }
        let limit = self.inner.limit;
        let result = tokio::time::timeout(limit, work).await;
        let result = result.unwrap_or(Err(Error::TimedOut(limit.as_millis() as u64)));
        match &result {
            Err(error) if error.is_outage() || is_not_ready(error) => {
                let turn = self.inner.gate.failed(error);
                // First of all: whoever called may be dropped while he waits below.
                if turn == Turn::Down {
                    self.probe();
                }
                // A connection that broke is no use; one that is late may only be slow.
                if turn == Turn::Down || matches!(error, Error::Lost(_)) {
                    self.inner.disconnect().await;
                }
            }
            answered => {
                self.inner.gate.answered(answered.is_err());
                if answered.as_ref().is_err_and(is_elsewhere) {
                    self.inner.leave().await;
                }
            }
        }
        result
    }

    /// Asks in the background until the server answers or the last clone of the link is gone.
    fn probe(&self) {
        let weak: Weak<Inner> = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            let mut backoff = Backoff::new();
            loop {
                tokio::time::sleep(backoff.wait()).await;
                let Some(inner) = weak.upgrade() else { return };
                let asked = tokio::time::timeout(inner.limit, inner.ping()).await;
                let result = asked.unwrap_or(Err(Error::TimedOut(inner.limit.as_millis() as u64)));
                match result {
                    Err(error) if error.is_outage() || is_not_ready(&error) => {
                        inner.gate.failed(&error);
                        if is_not_ready(&error) {
                            backoff.stay();
                        }
                    }
                    answered => {
                        inner.forget_clock();
                        inner.gate.answered(answered.is_err());
                        return;
                    }
                }
                inner.disconnect().await;
            }
        });
    }

    /// As [`Self::send_all`] for keys of several slots: over a given connection, which may be a cluster's, one after the
    /// other, as an expiry must not come before its key.
    pub(crate) async fn send_each(&self, commands: &Pipeline) -> Result<Vec<Result<Value, Error>>, Error> {
        if let Source::Given(_) = self.inner.source {
            let mut answers = Vec::with_capacity(commands.len());
            for command in commands.cmd_iter() {
                match self.send(command).await {
                    Err(error) if error.is_outage() => return Err(error),
                    answer => answers.push(answer),
                }
            }
            return Ok(answers);
        }
        let answers = self.send_all(commands).await?;
        Ok(answers.into_iter().map(|answer| answer.extract_error().map_err(Error::from)).collect())
    }

    /// Commands that are carried out together or not at all.
    #[cfg(any(feature = "queue", feature = "sessions"))]
    pub(crate) async fn transact(&self, commands: &Pipeline) -> Result<Vec<Value>, Error> {
        self.guarded(async {
            let mut connection = self.inner.connection().await?;
            let answers = connection.req_packed_commands(commands, commands.len() + 1, 1).await?;
            match answers.into_iter().next().map(Value::extract_error).transpose()? {
                Some(Value::Array(answers)) => Ok(answers),
                other => Err(Error::unexpected(other)),
            }
        })
        .await
    }

    /// Moves when the connection is given up: what stands on another one of the same address should then be made anew, as
    /// it may have been led to a server that is the master no more.
    #[cfg(any(feature = "cache", feature = "queue"))]
    pub(crate) fn given_up(&self) -> u64 {
        self.inner.given_up.load(Ordering::Acquire)
    }

    /// A connection of its own, for reads that block; none where the link was given its connection.
    #[cfg(feature = "queue")]
    pub(crate) async fn own_connection(&self) -> Result<Option<MultiplexedConnection>, Error> {
        let Source::Url { client, .. } = &self.inner.source else { return Ok(None) };
        let limit = self.inner.limit;
        let config = config();
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        match tokio::time::timeout(limit, connecting).await {
            Ok(connection) => Ok(Some(connection?)),
            Err(_) => Err(Error::TimedOut(limit.as_millis() as u64)),
        }
    }

    /// The client behind an address, for a connection with push messages.
    #[cfg(any(feature = "cache", feature = "queue"))]
    pub(crate) fn client(&self) -> Option<&redis::Client> {
        match &self.inner.source {
            Source::Url { client, .. } => Some(client),
            Source::Given(_) => None,
        }
    }
}

impl Inner {
    async fn connection(&self) -> Result<AnyConnection, Error> {
        match &self.source {
            Source::Given(connection) => Ok(connection()),
            Source::Url { client, connection } => {
                // Who waits here waits for the one that connects, within the limits of both.
                let mut slot = connection.lock().await;
                if let Some(open) = &*slot {
                    return Ok(Box::new(open.clone()));
                }
                let open = client.get_multiplexed_async_connection_with_config(&config()).await?;
                *slot = Some(open.clone());
                Ok(Box::new(open))
            }
        }
    }

    /// A connection that failed is not used again.
    async fn disconnect(&self) {
        if let Source::Url { connection, .. } = &self.source {
            // Who connects holds it, perhaps in a future that nobody polls any more; what he gets is a new one.
            if let Ok(mut held) = tokio::time::timeout(self.limit, connection.lock()).await {
                *held = None;
            }
            self.given_up.fetch_add(1, Ordering::Release);
        }
    }

    /// After an answer that says there is another server for us.
    async fn leave(&self) {
        if self.gate.leaves() {
            self.forget_clock();
            self.disconnect().await;
        }
    }

    /// It may have been set while the server was away, or another server has taken its place.
    fn forget_clock(&self) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn ping(&self) -> Result<(), Error> {
        let mut connection = self.connection().await?;
        connection.req_packed_command(&redis::cmd("PING")).await?;
        Ok(())
    }
}

impl Clock {
    fn now_ms(self) -> u64 {
        self.server_ms + self.at.elapsed().as_millis() as u64
    }
}

/// The limits are this crate's own: they hold for connecting too.
fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None)
}

fn own_now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn integer(value: &Value) -> Option<u64> {
    match value {
        Value::BulkString(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}
