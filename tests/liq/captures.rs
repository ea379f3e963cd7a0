//! Recorded liquidations, event by event: every reply equals the slow exact definition.

use crate::support::Server;
use crate::support::feed::{capture, captures_dir};
use crate::support::oracle::{HOUR, MINUTE, Options, Series, Status};
use crate::twin::Twin;

/// The server's clock for all of the captures: they are from before it.
const CLOCK: u64 = 1_780_000_000_000;

fn replay(file: &str, options: &Options, whole_market: bool) -> Option<Vec<Series>> {
    let Some(dir) = captures_dir() else {
        eprintln!("skipped: ../shared/data/liquidations is not here");
        return None;
    };
    let mut symbols = capture(&dir.join(file));
    if whole_market {
        let all = symbols.into_values().flatten().collect();
        symbols = [("MARKET".to_owned(), all)].into();
    }
    let server = Server::start();
    let mut client = server.connect();
    let mut replayed = Vec::new();
    for (symbol, events) in symbols {
        let mut twin = Twin::create(&mut client, &format!("liq:{{{symbol}}}"), options.clone());
        for (at, event) in events.iter().enumerate() {
            twin.add(&mut client, event, CLOCK);
            if at % 50 == 49 {
                twin.assert_reads(&mut client, twin.series.newest(), options.window, None);
            }
        }
        let now = twin.series.newest();
        for width in [MINUTE, HOUR, options.retention] {
            twin.assert_reads(&mut client, now, width, None);
            twin.assert_reads(&mut client, now + 30_000, width, Some(events[0].side));
        }
        replayed.push(twin.series);
    }
    Some(replayed)
}

fn total(replayed: &[Series], status: Status) -> usize {
    replayed.iter().map(|series| series.total(status)).sum()
}

fn event_clock() -> Options {
    Options { event_clock: true, ..Options::default() }
}

#[test]
fn the_sell_off_of_january_2025_replays_by_definition() {
    let Some(replayed) = replay("binance_um_forceorder_20250126_paulius.csv.gz", &event_clock(), false) else { return };
    // Two writers recorded most events twice.
    assert_eq!(total(&replayed, Status::Duplicate), 1673);
    assert_eq!(total(&replayed, Status::Accepted) + total(&replayed, Status::Filtered), 1837);
    let signals = replayed.iter().flat_map(|series| &series.judgements).filter(|judged| judged.signal.is_some());
    assert!(signals.count() > 0);
}

#[test]
fn the_sell_off_replays_by_definition_with_short_windows_and_other_thresholds() {
    let options = Options {
        retention: HOUR,
        window: 5 * MINUTE,
        vwap_window: 3 * MINUTE,
        percentile: 93.5,
        min_events: 7,
        min_size: 300.0,
        long_offset: 0.3,
        short_offset: 0.2,
        precision: 5,
        ..event_clock()
    };
    let Some(replayed) = replay("binance_um_forceorder_20250126_paulius.csv.gz", &options, false) else { return };
    assert!(total(&replayed, Status::Small) > 0);
}

#[test]
fn a_whole_market_in_one_series_replays_by_definition() {
    // In symbol order the times run back and forth over days: most of it is late or expires.
    let options = Options { retention: 31 * 24 * HOUR, window: 31 * 24 * HOUR, percentile: 50.0, ..event_clock() };
    replay("binance_um_forceorder_20250126_paulius.csv.gz", &options, true);
}

#[test]
fn the_smaller_captures_replay_by_definition() {
    let files = [
        "binance_um_forceorder_20240620_alejandro.csv.gz",
        "binance_um_forceorder_20240620_alejandro_big.csv.gz",
        "binance_um_forceorder_20240817_bands.csv.gz",
        "binance_um_forceorder_20240818_bands_big.csv.gz",
        "binance_um_forceorder_20250623_neoparth_early.csv.gz",
        "binance_um_forceorder_20250623_neoparth_early_big.csv.gz",
    ];
    for file in files {
        replay(file, &event_clock(), false);
        replay(file, &event_clock(), true);
    }
}
