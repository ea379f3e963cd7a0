//! Random options, events, reads, changes of options and reloads, compared with the definition at every step.

use crate::support::feed::Feed;
use crate::support::judge::{assert_judged_within_promise, assert_percentile_promise};
use crate::support::oracle::{DAY, HOUR, MINUTE, Options, SECOND, Series, Side};
use crate::support::{Client, Server};
use crate::twin::{T0, Twin};

fn pick<T: Copy>(random: &mut fastrand::Rng, of: &[T]) -> T {
    of[random.usize(0..of.len())]
}

fn random_options(random: &mut fastrand::Rng) -> Options {
    let retention = pick(random, &[MINUTE, 10 * MINUTE, HOUR, 5 * HOUR, DAY, 31 * DAY]);
    Options {
        retention,
        window: retention / random.u64(1..20),
        percentile: pick(random, &[0.0, 1.0, 33.333333, 50.0, 80.0, 99.9, 100.0]),
        min_events: random.usize(1..20),
        min_size: pick(random, &[0.0, 5.0, 100.0]),
        vwap_window: retention / random.u64(1..50),
        long_offset: pick(random, &[0.0, 0.1, 2.0]),
        short_offset: pick(random, &[0.0, 0.1, 2.0]),
        event_clock: random.bool(),
        tail: pick(random, &[300, 4096, 65_536]),
        precision: random.u32(5..9),
        ..Options::default()
    }
}

/// Changes options in both halves.
fn alter(client: &mut Client, twin: &mut Twin, random: &mut fastrand::Rng) {
    let options = &mut twin.series.options;
    options.percentile = pick(random, &[0.0, 20.0, 66.6, 95.0]);
    options.min_size = pick(random, &[0.0, 3.0, 50.0]);
    options.long_offset = pick(random, &[0.0, 0.3, 1.0]);
    options.window = options.retention / random.u64(1..10);
    options.min_events = random.usize(1..5);
    let line = format!(
        "LIQ.ALTER {} PERCENTILE {} MINSIZE {} LONGOFFSET {} WINDOW {} MINEVENTS {}",
        twin.key, options.percentile, options.min_size, options.long_offset, options.window, options.min_events
    );
    client.run(&line).ok();
}

/// How many random cases: `few`, or fifty times as many in a soak (`LIQ_SOAK` is set).
fn seeds(few: u64) -> std::ops::Range<u64> {
    0..if std::env::var_os("LIQ_SOAK").is_some() { 50 * few } else { few }
}

#[test]
fn random_series_agree_with_the_definition_throughout() {
    let server = Server::start();
    let mut client = server.connect();
    for seed in seeds(40) {
        let mut random = fastrand::Rng::with_seed(seed);
        let options = random_options(&mut random);
        let step = options.retention / random.u64(20..200);
        let mut twin = Twin::create(&mut client, &format!("s{seed}"), options);
        let mut clock = T0;
        let late = twin.series.options.retention * 5 / 4;
        for event in &Feed::new(seed, T0).take(250, step, 8, late) {
            clock = clock.max(event.ts.saturating_sub(random.u64(0..2 * SECOND)));
            twin.add(&mut client, event, clock);
            if random.u32(0..10) == 0 {
                twin.add(&mut client, event, clock);
            }
            match random.u32(0..40) {
                0 => alter(&mut client, &mut twin, &mut random),
                1 => client.run("DEBUG RELOAD").ok(),
                2 => {
                    client.run(&format!("COPY {} copied REPLACE", twin.key));
                    client.run(&format!("RENAME copied {}", twin.key)).ok();
                }
                3..=6 => {
                    let width = random.u64(1..=twin.series.options.retention);
                    let side = pick(&mut random, &[None, Some(Side::Buy), Some(Side::Sell)]);
                    let now = twin.series.newest().max(clock) + random.u64(0..2) * random.u64(0..HOUR);
                    twin.assert_reads(&mut client, now, width, side);
                }
                _ => {}
            }
        }
        client.run(&format!("DEL {}", twin.key));
    }
}

#[test]
fn random_series_keep_the_promises_beyond_the_tail() {
    let server = Server::start();
    let mut client = server.connect();
    for seed in seeds(12) {
        let mut random = fastrand::Rng::with_seed(1000 + seed);
        let options = Options { tail: 256, event_clock: true, min_size: 0.0, ..random_options(&mut random) };
        let key = format!("s{seed}");
        client.run(&format!("LIQ.CREATE {key} {}", options.to_args())).ok();
        let mut series = Series::new(options.clone());
        let step = options.retention / random.u64(200..3000);
        let late = options.retention / random.u64(1..50);
        for (at, event) in Feed::new(seed, T0).take(1200, step, 6, late.max(1)).iter().enumerate() {
            let reply = client.run(&format!("LIQ.ADD {key} {}", event.to_args()));
            let now = series.newest().max(event.ts);
            let judged = ["accepted", "filtered"].contains(&reply.field("status").text().as_str());
            let filters =
                options.percentile > 0.0 && series.window(now, options.window, None).len() > 2 * options.min_events;
            if at % 13 == 0 && judged && filters {
                assert_judged_within_promise(&series, event, now, &reply);
            }
            if judged {
                series.add(event, T0 + 400 * DAY);
            }
            if at % 97 == 0 {
                let (width, p) =
                    (random.u64(1..=options.retention), pick(&mut random, &[0.0, 10.0, 50.0, 99.0, 100.0]));
                let side = pick(&mut random, &[None, Some(Side::Buy), Some(Side::Sell)]);
                let narrowing = side.map_or(String::new(), |side| format!("SIDE {}", side.name()));
                let now = series.newest() + random.u64(0..2) * random.u64(0..=options.retention);
                let reply = client.run(&format!("LIQ.PCTL {key} {p} WINDOW {width} AT {now} {narrowing}"));
                assert_percentile_promise(&series, now, width, side, p, reply.numbers()[0]);
            }
            if random.u32(0..300) == 0 {
                client.run("DEBUG RELOAD").ok();
            }
        }
        client.run(&format!("DEL {key}"));
    }
}
