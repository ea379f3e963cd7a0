//! The extension traits: every command as a method of connections (sync and async) and of pipelines.

use std::time::Duration;

use redis::{ConnectionLike, Pipeline, ToSingleRedisArg};

use crate::error::{Error, Result};
use crate::reply::{
    AddReply, BatchReply, Digest, HistogramRow, RateInfo, RateReply, Reply, SeriesInfo, Stats, StatsBuckets,
    StatsByExchange, StoredEvent, Vwap,
};
use crate::{
    BatchOptions, DigestQuery, Event, Limit, RangeQuery, Scope, SeriesOptions, StatsQuery, Trigger, Usage, VwapQuery,
    command, ticks,
};

/// The future of an asynchronous command.
#[cfg(feature = "async")]
pub type LiqFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Writes the three traits from one table of commands.
macro_rules! commands {
    ($($(#[$attribute:meta])+ fn $name:ident($($arg:ident: $type:ty),*) -> $reply:ty;)+) => {
        /// The module's commands on every synchronous redis-rs connection, cluster connections included.
        ///
        /// ```no_run
        /// use redis_liq::{Event, LiqCommands, Scope, Side, Timestamp};
        ///
        /// # fn main() -> Result<(), redis_liq::Error> {
        /// let mut con = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
        /// let judged = con.liq_add("liq:{BTCUSDT}", &Event::new(Timestamp::Server, Side::Sell, 99_850.5, 12_500.0))?;
        /// if let Some(side) = judged.signal {
        ///     println!("{side:?} at {:?} % from the VWAP", judged.deviation);
        /// }
        /// let p80 = con.liq_pctl("liq:{BTCUSDT}", &[80.0], &Scope::default())?;
        /// # Ok(())
        /// # }
        /// ```
        pub trait LiqCommands: ConnectionLike + Sized {
            $(
                $(#[$attribute])+
                fn $name<K: ToSingleRedisArg>(&mut self, key: K $(, $arg: $type)*) -> Result<$reply> {
                    command::$name(key $(, $arg)*).query(self).map_err(Error::from)
                }
            )+
        }

        impl<C: ConnectionLike> LiqCommands for C {}

        /// The module's commands on every asynchronous redis-rs connection, cluster connections included.
        ///
        /// ```no_run
        /// use redis_liq::{AsyncLiqCommands, Event, Side, Timestamp};
        ///
        /// # async fn run() -> Result<(), redis_liq::Error> {
        /// let client = redis::Client::open("redis://127.0.0.1/?protocol=resp3")?;
        /// let mut con = client.get_multiplexed_async_connection().await?;
        /// let event = Event::new(Timestamp::Server, Side::Buy, 3_205.5, 800.0).exchange("binance");
        /// let judged = con.liq_add("liq:{ETHUSDT}", &event).await?;
        /// println!("{:?}, larger than {:?} % of the window", judged.status, judged.rank);
        /// # Ok(())
        /// # }
        /// ```
        #[cfg(feature = "async")]
        pub trait AsyncLiqCommands: redis::aio::ConnectionLike + Send + Sized {
            $(
                $(#[$attribute])+
                fn $name<'a, K: ToSingleRedisArg>(&'a mut self, key: K $(, $arg: $type)*) -> LiqFuture<'a, $reply> {
                    let command = command::$name(key $(, $arg)*);
                    Box::pin(async move { command.query_async(self).await.map_err(Error::from) })
                }
            )+
        }

        #[cfg(feature = "async")]
        impl<C: redis::aio::ConnectionLike + Send> AsyncLiqCommands for C {}

        /// The module's commands on pipelines: one round trip for many commands. The replies are those of the
        /// commands, in order.
        ///
        /// ```no_run
        /// use redis_liq::{AddReply, Event, LiqPipeline, Reply, Scope, Side, Timestamp, VwapQuery, Vwap};
        ///
        /// # fn main() -> Result<(), redis_liq::Error> {
        /// let mut con = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
        /// let (added, p80, vwap): (Reply<AddReply>, Vec<Option<f64>>, Reply<Vwap>) = redis::pipe()
        ///     .liq_add("liq:{BTCUSDT}", &Event::new(Timestamp::Server, Side::Sell, 99_850.5, 12_500.0))
        ///     .liq_pctl("liq:{BTCUSDT}", &[80.0], &Scope::default())
        ///     .liq_vwap("liq:{BTCUSDT}", &VwapQuery::default())
        ///     .query(&mut con)?;
        /// # Ok(())
        /// # }
        /// ```
        pub trait LiqPipeline {
            /// Appends a command.
            #[doc(hidden)]
            fn append(&mut self, command: redis::Cmd) -> &mut Self;

            $(
                $(#[$attribute])+
                fn $name<K: ToSingleRedisArg>(&mut self, key: K $(, $arg: $type)*) -> &mut Self {
                    self.append(command::$name(key $(, $arg)*))
                }
            )+
        }
    };
}

commands! {
    /// Creates a series: `LIQ.CREATE`. Fails with [`Error::KeyExists`] when the key exists.
    fn liq_create(options: &SeriesOptions) -> ();
    /// Creates a series where the key is missing: `LIQ.CREATE … NX`. Whether it was; a series that is there stays as it is.
    fn liq_create_nx(options: &SeriesOptions) -> bool;
    /// Changes the options that are named, keeping the data: `LIQ.ALTER`.
    fn liq_alter(options: &SeriesOptions) -> ();
    /// The options of a series and what it holds: `LIQ.INFO`.
    fn liq_info() -> Reply<SeriesInfo>;
    /// Empties a series, keeping its options: `LIQ.RESET`.
    fn liq_reset() -> ();
    /// Records and judges one event: `LIQ.ADD`. A missing series is created with the module's defaults.
    fn liq_add(event: &Event<'_>) -> Reply<AddReply>;
    /// As `liq_add`, by another clock than the server's (Unix milliseconds): for replays and tests.
    fn liq_add_at(event: &Event<'_>, now_ms: u64) -> Reply<AddReply>;
    /// Records and judges a batch, in order, all or nothing: `LIQ.MADD`; with events of several exchanges
    /// `LIQ.MADDPACK`, which means the same. 1 … 65,536 events (`liq.max-batch`).
    fn liq_madd(events: &[Event<'_>], options: &BatchOptions) -> Reply<BatchReply>;
    /// As `liq_madd`, in the compact form `LIQ.MADDPACK`: the cheapest way to add many events.
    fn liq_maddpack(events: &[Event<'_>], options: &BatchOptions) -> Reply<BatchReply>;
    /// Nearest-rank percentiles (0 … 100) of the sizes: `LIQ.PCTL`. `None` in an empty window.
    fn liq_pctl(percentiles: &[f64], scope: &Scope) -> Vec<Option<f64>>;
    /// The percent of events at or below each size: `LIQ.RANK`. `None` in an empty window.
    fn liq_rank(sizes: &[f64], scope: &Scope) -> Vec<Option<f64>>;
    /// The volume-weighted average price with bands and entry levels: `LIQ.VWAP`.
    fn liq_vwap(query: &VwapQuery) -> Reply<Vwap>;
    /// Counts, volumes, percentiles and more of a window: `LIQ.STATS`.
    fn liq_stats(query: &StatsQuery) -> Reply<Stats>;
    /// The same per venue: `LIQ.STATS … BY EXCHANGE`.
    fn liq_stats_by_exchange(query: &StatsQuery) -> Reply<StatsByExchange>;
    /// The same per span of time, oldest first: `LIQ.STATS … BUCKET`, a chart in one call.
    fn liq_stats_buckets(bucket: Duration, query: &StatsQuery) -> Reply<StatsBuckets>;
    /// Events of the raw tail: `LIQ.RANGE`.
    fn liq_range(query: &RangeQuery) -> Reply<Vec<StoredEvent<'static>>>;
    /// The distribution of sizes: `LIQ.HIST`. Rows of several series add up exactly, see [`market`](crate::market).
    fn liq_hist(scope: &Scope) -> Reply<Vec<HistogramRow>>;
    /// The distribution of sizes as a t-digest: `LIQ.DIGEST`.
    fn liq_digest(query: &DigestQuery) -> Reply<Digest>;
    /// Creates a market: `TICK.CREATE`. Fails with [`Error::KeyExists`] when the key exists.
    fn tick_create(options: &ticks::OptionsPatch) -> ();
    /// Changes the options that are named: `TICK.ALTER`.
    fn tick_alter(options: &ticks::OptionsPatch) -> ();
    /// Feeds one trade, which moves the last price and all candles: `TICK.ADD`.
    fn tick_add(tick: &ticks::Add<'_>) -> Reply<ticks::AddReply>;
    /// Feeds trades one by one, in order: `TICK.MADD`.
    fn tick_madd(ticks: &ticks::Madd<'_>) -> Reply<ticks::MaddReply>;
    /// Tells bid, ask, mark or index, or that the feed lives: `TICK.QUOTE`.
    fn tick_quote(quote: &ticks::QuoteRequest) -> Reply<ticks::AddReply>;
    /// The last price with its age, and the venue's ticker: `TICK.LAST`.
    fn tick_last(query: &ticks::Last) -> Reply<ticks::LastReply>;
    /// Ticks of the raw tail: `TICK.RANGE`.
    fn tick_range(query: &ticks::Range) -> Reply<Vec<ticks::TickRow>>;
    /// The options of a market, what it holds, and where trades may be missing: `TICK.INFO`.
    fn tick_info() -> Reply<ticks::MarketInfo>;
    /// Candles of any interval, whatever form the query names: `CANDLE.RANGE … AS kline`.
    fn candle_range(query: &ticks::Candles) -> Reply<Vec<ticks::CandleRow>>;
    /// Takes closed candles of the venue: `CANDLE.PUT`.
    fn candle_put(rows: &ticks::Put) -> Reply<ticks::PutReply>;
    /// Sets a trigger on a market's prices, judged at once by those that are fresh: `TRIG.SET`. `None` when `NX` or `XX`
    /// held it back.
    fn trig_set(trigger: &Trigger) -> Option<Reply<ticks::SetReply>>;
    /// Takes triggers away: `TRIG.DEL`. How many were armed and are gone; one that is not has fired.
    fn trig_del(which: &ticks::DeleteTriggers<'_>) -> u64;
    /// Triggers that are armed, waiting or pending, by arming: `TRIG.LIST`.
    fn trig_list(query: &ticks::ListTriggers<'_>) -> Reply<Vec<ticks::TriggerRow>>;
    /// Takes `cost` from every limit or from none: `RL.CHECK`. Without limits those stored are used; a cost of 0 looks,
    /// a negative one gives back.
    fn rl_check(limits: &[Limit], cost: i64) -> Reply<RateReply>;
    /// Stores limits, so that `rl_check` needs none: `RL.CREATE`. What is used of a limit that was there stays used.
    fn rl_create(limits: &[Limit]) -> ();
    /// Whether `cost` would pass, taking nothing: `RL.PEEK`; also on replicas.
    fn rl_peek(cost: u64) -> Reply<RateReply>;
    /// Takes over what the exchange says is used: `RL.SYNC`.
    fn rl_sync(usage: &Usage) -> Reply<RateReply>;
    /// Refuses everything for so long, as after an HTTP 429 with Retry-After: `RL.BAN`; zero lifts it.
    fn rl_ban(length: Duration) -> ();
    /// The limits of a key, and what is used of each: `RL.INFO`.
    fn rl_info() -> Reply<RateInfo>;
    /// Forgets a limiter: `RL.RESET`. Whether there was one.
    fn rl_reset() -> bool;
}

impl LiqPipeline for Pipeline {
    fn append(&mut self, command: redis::Cmd) -> &mut Self {
        self.add_command(command)
    }
}

#[cfg(feature = "cluster")]
impl LiqPipeline for redis::cluster::ClusterPipeline {
    fn append(&mut self, command: redis::Cmd) -> &mut Self {
        self.add_command(command)
    }
}
