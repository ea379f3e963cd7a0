//! Asking many series through one connection: all commands of a question at once, and what came of which key.

use liq_core::wire::Decode;
use redis::{Cmd, ConnectionLike, FromRedisValue as _, RedisError, Value};

use super::{MarketDigest, MarketHistogram, MarketPercentile, MarketStats};
use crate::{Digest, DigestQuery, Error, HistogramRow, Reply, Scope, Stats, StatsQuery, command};

/// Commands in one pipeline, or under way at once.
const AT_ONCE: usize = 64;

/// A question to a market that a series could not answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{key}: {error}")]
#[non_exhaustive]
pub struct MarketError {
    /// The series.
    pub key: String,
    /// What it said.
    #[source]
    pub error: Error,
}

/// A question: one command per series.
struct Question<'k> {
    keys: Vec<&'k str>,
    commands: Vec<Cmd>,
}

impl<'k> Question<'k> {
    fn new<K: AsRef<str>>(keys: &'k [K], command: impl Fn(&'k str) -> Cmd) -> Self {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let commands = keys.iter().map(|key| command(key)).collect();
        Self { keys, commands }
    }

    fn failed_at(&self, place: usize, error: impl Into<Error>) -> MarketError {
        let key = self.keys.get(place).copied().unwrap_or_default().to_owned();
        MarketError { key, error: error.into() }
    }

    /// Asks in pipelines, or command by command where the connection (to a cluster) knows no pipelines.
    fn ask<T: Decode>(&self, connection: &mut impl ConnectionLike) -> Result<Vec<T>, MarketError> {
        let mut answers = Vec::with_capacity(self.commands.len());
        for commands in self.commands.chunks(AT_ONCE) {
            if connection.supports_pipelining() {
                self.ask_pipelined(connection, commands, &mut answers)?;
            } else {
                for command in commands {
                    let answer: Reply<T> =
                        command.query(connection).map_err(|error| self.failed_at(answers.len(), error))?;
                    answers.push(answer.into_inner());
                }
            }
        }
        Ok(answers)
    }

    fn ask_pipelined<T: Decode>(
        &self,
        connection: &mut impl ConnectionLike,
        commands: &[Cmd],
        answers: &mut Vec<T>,
    ) -> Result<(), MarketError> {
        let mut pipeline = redis::Pipeline::with_capacity(commands.len());
        // With errors among the replies, each can be told with its key.
        pipeline.ignore_errors();
        for command in commands {
            pipeline.add_command(command.clone());
        }
        let first = answers.len();
        let replies: Vec<Value> = pipeline.query(connection).map_err(|error| self.failed_at(first, error))?;
        for value in replies {
            let answer = value.extract_error().and_then(|value| Ok(Reply::from_redis_value(value)?));
            let answer: Reply<T> = answer.map_err(|error: RedisError| self.failed_at(answers.len(), error))?;
            answers.push(answer.into_inner());
        }
        Ok(())
    }

    /// Asks every series at once, each through its own handle of the connection.
    #[cfg(feature = "async")]
    async fn ask_async<T, C>(&self, connection: &C) -> Result<Vec<T>, MarketError>
    where
        T: Decode + Send,
        C: redis::aio::ConnectionLike + Clone + Send + Sync,
    {
        use futures_util::stream::{StreamExt, TryStreamExt, iter};
        let ask = |(place, command): (usize, Cmd)| {
            let mut connection = connection.clone();
            async move {
                let answer = command.query_async(&mut connection).await;
                answer.map(Reply::into_inner).map_err(|error| self.failed_at(place, error))
            }
        };
        iter(self.commands.iter().cloned().enumerate()).map(ask).buffered(AT_ONCE).try_collect().await
    }
}

fn histograms<'k, K: AsRef<str>>(keys: &'k [K], scope: &Scope) -> Question<'k> {
    Question::new(keys, |key| command::liq_hist(key, scope))
}

fn digests<'k, K: AsRef<str>>(keys: &'k [K], query: &DigestQuery) -> Question<'k> {
    Question::new(keys, |key| command::liq_digest(key, query))
}

fn statistics<'k, K: AsRef<str>>(keys: &'k [K], scope: &Scope) -> Question<'k> {
    Question::new(keys, |key| command::liq_stats(key, &StatsQuery::of(*scope)))
}

fn sum(rows: Vec<Vec<HistogramRow>>) -> MarketHistogram {
    MarketHistogram::of(rows.into_iter().flatten())
}

fn percentile_of(histogram: &MarketHistogram, percent: f64) -> Result<Option<MarketPercentile>, MarketError> {
    histogram.percentile(percent).map_err(|error| MarketError { key: "market".to_owned(), error })
}

/// Questions to many series, through a synchronous connection. Series that do not exist are empty; other windows than
/// a series' own must fit the retention of every one.
pub trait Market: ConnectionLike + Sized {
    /// The summed distribution of sizes.
    fn market_histogram<K: AsRef<str>>(&mut self, keys: &[K], scope: &Scope) -> Result<MarketHistogram, MarketError> {
        histograms(keys, scope).ask(self).map(sum)
    }

    /// The nearest-rank percentile (0 … 100) of all sizes; `None` without events.
    fn market_percentile<K: AsRef<str>>(
        &mut self,
        keys: &[K],
        percent: f64,
        scope: &Scope,
    ) -> Result<Option<MarketPercentile>, MarketError> {
        percentile_of(&self.market_histogram(keys, scope)?, percent)
    }

    /// The summed statistics; of the last hour unless the scope names a window.
    fn market_stats<K: AsRef<str>>(&mut self, keys: &[K], scope: &Scope) -> Result<MarketStats, MarketError> {
        let scope = scope.or_one_hour();
        let stats: Vec<Stats> = statistics(keys, &scope).ask(self)?;
        Ok(MarketStats::of(&stats, &self.market_histogram(keys, &scope)?))
    }

    /// The merged digests: an estimate of the distribution for little bandwidth. A missing key is an error, as it is
    /// for `LIQ.DIGEST`.
    fn market_digest<K: AsRef<str>>(&mut self, keys: &[K], query: &DigestQuery) -> Result<MarketDigest, MarketError> {
        digests(keys, query).ask::<Digest>(self).map(MarketDigest::of)
    }
}

impl<C: ConnectionLike> Market for C {}

/// Questions to many series, through an asynchronous connection that can be cloned: all series are asked at once.
#[cfg(feature = "async")]
pub trait AsyncMarket: redis::aio::ConnectionLike + Clone + Send + Sync + Sized {
    /// The summed distribution of sizes.
    fn market_histogram<K: AsRef<str> + Sync>(
        &self,
        keys: &[K],
        scope: &Scope,
    ) -> impl Future<Output = Result<MarketHistogram, MarketError>> + Send {
        let question = histograms(keys, scope);
        async move { question.ask_async(self).await.map(sum) }
    }

    /// The nearest-rank percentile (0 … 100) of all sizes; `None` without events.
    fn market_percentile<K: AsRef<str> + Sync>(
        &self,
        keys: &[K],
        percent: f64,
        scope: &Scope,
    ) -> impl Future<Output = Result<Option<MarketPercentile>, MarketError>> + Send {
        let histogram = self.market_histogram(keys, scope);
        async move { percentile_of(&histogram.await?, percent) }
    }

    /// The summed statistics; of the last hour unless the scope names a window.
    fn market_stats<K: AsRef<str> + Sync>(
        &self,
        keys: &[K],
        scope: &Scope,
    ) -> impl Future<Output = Result<MarketStats, MarketError>> + Send {
        let scope = scope.or_one_hour();
        let (stats, rows) = (statistics(keys, &scope), histograms(keys, &scope));
        async move {
            let (stats, rows) = tokio::try_join!(stats.ask_async::<Stats, _>(self), rows.ask_async(self))?;
            Ok(MarketStats::of(&stats, &sum(rows)))
        }
    }

    /// The merged digests: an estimate of the distribution for little bandwidth. A missing key is an error, as it is
    /// for `LIQ.DIGEST`.
    fn market_digest<K: AsRef<str> + Sync>(
        &self,
        keys: &[K],
        query: &DigestQuery,
    ) -> impl Future<Output = Result<MarketDigest, MarketError>> + Send {
        let question = digests(keys, query);
        async move { question.ask_async::<Digest, _>(self).await.map(MarketDigest::of) }
    }
}

#[cfg(feature = "async")]
impl<C: redis::aio::ConnectionLike + Clone + Send + Sync> AsyncMarket for C {}
