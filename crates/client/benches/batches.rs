//! Events a second through the asynchronous client in batches of 50, as ratios to SET from the same client and to a
//! command that does nothing: `cargo bench -p redis-liq --bench batches`.
//!
//! Nothing is asserted: figures depend on the machine. All ways take turns in short rounds, and medians are printed, so
//! that a busy machine disturbs them alike. The no-op is LIQ._NOOP, which replies as LIQ.ADD does, when the module was
//! built with the feature `bench-noop`; else ECHO of the same bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use liq_harness::Server;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, Value};
use redis_liq::{
    AddReply, AsyncLiqCommands, BatchOptions, Batcher, ClockMode, Event, LiqPipeline, Reply, SeriesOptions, Side,
    Timestamp, command,
};

const BATCH: usize = 50;
const BATCHES_PER_ROUND: usize = 200;
const ROUNDS: usize = 15;
const BATCHER_KEYS: usize = 8;
const START_MS: u64 = 1_737_910_800_000;

/// A way to send events, and its name.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Set,
    NoopForAdd,
    Add,
    NoopForMadd,
    Madd,
    NoopForPack,
    Pack,
    BatcherOneKey,
    BatcherManyKeys,
}

const WAYS: [(Way, &str); 9] = [
    (Way::Set, "SET, 50 in a pipeline"),
    (Way::NoopForAdd, "no-op with the arguments of LIQ.ADD, 50 in a pipeline"),
    (Way::Add, "LIQ.ADD, 50 in a pipeline"),
    (Way::NoopForMadd, "no-op with the arguments of LIQ.MADD of 50"),
    (Way::Madd, "LIQ.MADD of 50"),
    (Way::NoopForPack, "no-op with the arguments of LIQ.MADDPACK of 50"),
    (Way::Pack, "LIQ.MADDPACK of 50"),
    (Way::BatcherOneKey, "Batcher of 50, one key (LIQ.MADDPACK, exactly once)"),
    (Way::BatcherManyKeys, "Batcher of 50, eight keys"),
];

fn main() {
    // cargo bench passes --bench; as one of all test targets there is nothing to show.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let server = Server::start();
    // One thread for the client and one core for the server, as on the smallest machine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&server));
}

async fn run(server: &Server) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut bench = Bench {
        con: client.get_multiplexed_async_connection().await.unwrap(),
        manager: client.get_connection_manager().await.unwrap(),
        native_noop: false,
        sent: 0,
    };
    let noop = redis::cmd("LIQ._NOOP").arg("k").query_async::<Value>(&mut bench.con).await;
    bench.native_noop = noop.is_ok();
    let keys = ["add", "madd", "pack"].map(str::to_owned).into_iter().chain((0..BATCHER_KEYS).map(batcher_key));
    for key in keys {
        let options = SeriesOptions::new().clock(ClockMode::Event);
        bench.con.liq_create(key, &options).await.unwrap();
    }
    let mut rates = vec![Vec::with_capacity(ROUNDS); WAYS.len()];
    for round in 0..=ROUNDS {
        for ((way, _), rates) in WAYS.iter().zip(&mut rates) {
            let started = Instant::now();
            bench.round(*way).await;
            let rate = (BATCH * BATCHES_PER_ROUND) as f64 / started.elapsed().as_secs_f64();
            // The first round warms up.
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    print_table(rates, bench.native_noop);
}

fn print_table(rates: Vec<Vec<f64>>, native_noop: bool) {
    let medians: Vec<f64> = rates.into_iter().map(median).collect();
    let rate_of = |wanted: Way| WAYS.iter().position(|(way, _)| *way == wanted).and_then(|place| medians.get(place));
    let (set, noop) = (rate_of(Way::Set).unwrap(), rate_of(Way::NoopForAdd).unwrap());
    let noop_name = if native_noop { "LIQ._NOOP" } else { "ECHO" };
    println!("\nasynchronous client, one connection, batches of {BATCH}; the no-op is {noop_name}");
    println!("{:<56} {:>10} {:>7} {:>12} {:>15}", "", "events/s", "× SET", "× no-op of 50", "× same no-op");
    let mut same_noop = None;
    for ((way, name), rate) in WAYS.iter().zip(&medians) {
        let is_noop = matches!(way, Way::NoopForAdd | Way::NoopForMadd | Way::NoopForPack);
        same_noop = if is_noop { Some(rate) } else { same_noop };
        let beside_same = same_noop.map_or_else(String::new, |same| format!("{:.2}", rate / same));
        println!("{name:<56} {rate:>10.0} {:>7.2} {:>12.2} {beside_same:>15}", rate / set, rate / noop);
    }
    println!("wanted: every LIQ row at least 0.8 × the no-op of 50, that is one command for every event;");
    println!("the same no-op carries the row's arguments, and reads none of the events in them");
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap()
}

struct Bench {
    con: MultiplexedConnection,
    manager: redis::aio::ConnectionManager,
    native_noop: bool,
    /// Events so far: each has a millisecond and a size of its own.
    sent: u64,
}

impl Bench {
    async fn round(&mut self, way: Way) {
        match way {
            Way::BatcherOneKey => return self.batcher(1).await,
            Way::BatcherManyKeys => return self.batcher(BATCHER_KEYS).await,
            _ => {}
        }
        for _ in 0..BATCHES_PER_ROUND {
            let events = self.events();
            match way {
                Way::Set => self.set(&events).await,
                Way::NoopForAdd => {
                    let mut pipeline = Pipeline::with_capacity(BATCH);
                    events.iter().for_each(|event| {
                        let noop = self.noop(|command| {
                            push_event(command.arg("add"), event);
                            command.arg("EXCHANGE").arg("binance");
                        });
                        pipeline.add_command(noop);
                    });
                    self.query_noops(&pipeline).await;
                }
                Way::Add => {
                    let mut pipeline = Pipeline::with_capacity(BATCH);
                    events.iter().for_each(|event| {
                        pipeline.liq_add("add", event);
                    });
                    let replies: Vec<Reply<AddReply>> = pipeline.query_async(&mut self.con).await.unwrap();
                    assert_eq!(replies.len(), BATCH);
                }
                Way::NoopForMadd => {
                    let noop = self.noop(|command| {
                        command.arg("madd").arg("EXCHANGE").arg("binance").arg("BATCH").arg("bench").arg(self.sent);
                        command.arg("EVENTS");
                        events.iter().for_each(|event| push_event(command, event));
                    });
                    drop(noop.query_async::<Value>(&mut self.con).await.unwrap());
                }
                Way::Madd => drop(self.con.liq_madd("madd", &events, &numbered(self.sent)).await.unwrap()),
                Way::NoopForPack => {
                    // The payload is made as the client makes it, and goes to the other command.
                    let original = command::liq_maddpack("pack", &events, &numbered(self.sent));
                    let payload = original.args_iter().nth(2).unwrap();
                    let redis::Arg::Simple(payload) = payload else { panic!("a payload") };
                    let noop = self.noop(|command| {
                        command.arg("pack").arg(payload).arg("BATCH").arg("bench").arg(self.sent);
                    });
                    drop(noop.query_async::<Value>(&mut self.con).await.unwrap());
                }
                Way::Pack => drop(self.con.liq_maddpack("pack", &events, &numbered(self.sent)).await.unwrap()),
                Way::BatcherOneKey | Way::BatcherManyKeys => {}
            }
        }
    }

    fn events(&mut self) -> Vec<Event<'static>> {
        (0..BATCH).map(|_| self.event()).collect()
    }

    fn event(&mut self) -> Event<'static> {
        self.sent += 1;
        let side = if self.sent.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let noise = (self.sent.wrapping_mul(2_654_435_761) % 10_000) as f64;
        Event::new(START_MS + self.sent, side, 60_000.0 + noise / 10.0, (noise / 1000.0).exp()).exchange("binance")
    }

    async fn set(&mut self, events: &[Event<'_>]) {
        let mut pipeline = Pipeline::with_capacity(events.len());
        for (event, number) in events.iter().zip(self.sent..) {
            let key = format!("key:{}", number.wrapping_mul(2_654_435_761) % 100_000);
            pipeline.cmd("SET").arg(key).arg(event.price).ignore();
        }
        pipeline.exec_async(&mut self.con).await.unwrap();
    }

    /// These arguments to a command that does nothing.
    fn noop(&self, push_args: impl FnOnce(&mut Cmd)) -> Cmd {
        if self.native_noop {
            let mut noop = redis::cmd("LIQ._NOOP");
            push_args(&mut noop);
            return noop;
        }
        let mut args = Cmd::new();
        push_args(&mut args);
        let bytes = args.args_iter().filter_map(|arg| match arg {
            redis::Arg::Simple(bytes) => Some(bytes),
            _ => None,
        });
        let mut noop = redis::cmd("ECHO");
        noop.arg(bytes.collect::<Vec<_>>().concat());
        noop
    }

    /// Reads the replies as those of LIQ.ADD where they are.
    async fn query_noops(&mut self, pipeline: &Pipeline) {
        if self.native_noop {
            let replies: Vec<Reply<AddReply>> = pipeline.query_async(&mut self.con).await.unwrap();
            assert_eq!(replies.len(), BATCH);
        } else {
            let replies: Vec<Value> = pipeline.query_async(&mut self.con).await.unwrap();
            assert_eq!(replies.len(), BATCH);
        }
    }

    async fn batcher(&mut self, keys: usize) {
        let keys: Vec<Arc<str>> = (0..keys).map(|number| batcher_key(number).into()).collect();
        let batcher = Batcher::builder().max_delay(Duration::from_secs(1)).spawn(self.manager.clone());
        for key in keys.iter().cycle().take(BATCH * BATCHES_PER_ROUND) {
            let event = self.event();
            batcher.add(Arc::clone(key), event).await.unwrap();
        }
        let totals = batcher.close().await;
        assert_eq!(totals.failed, 0, "{:?}", totals.last_error);
    }
}

fn batcher_key(number: usize) -> String {
    format!("batcher:{number}")
}

/// Arguments as a user of redis-rs writes them.
fn push_event(command: &mut Cmd, event: &Event<'_>) {
    if let Timestamp::Ms(ms) = event.timestamp {
        command.arg(ms).arg(event.side.name()).arg(event.price).arg(event.size);
    }
}

fn numbered(seq: u64) -> BatchOptions {
    BatchOptions::new().producer("bench", seq)
}
