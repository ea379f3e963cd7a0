//! How far the answers are from the exact ones, computed here from all events.

use crate::load::series;
use crate::support::Server;
use crate::table::Table;

pub fn run() {
    println!(
        "Accuracy against the exact nearest-rank answers, default options (PRECISION 7), all events in the window."
    );
    println!("Promised: percentiles within 0.390625 %; no event at or above the threshold's percentile filtered.\n");
    let mut table =
        Table::new(&["events", "percentile error, mean", "max", "rank error, max (points)", "VWAP error, relative"]);
    for events in [144_000, 5_000_000] {
        table.row(measure(events));
    }
    table.print();
}

fn measure(events: u64) -> Vec<String> {
    let server = Server::start();
    let mut client = server.connect();
    series::create(&mut client, "s", events, 1);
    let day: Vec<_> = series::day_of_events(events, 1).collect();
    let mut sizes: Vec<f64> = day.iter().map(|event| event.size).collect();
    sizes.sort_by(f64::total_cmp);

    // 0.2, 0.4 … 99.8, and the far tail.
    let percentiles: Vec<f64> = (1..500).map(|fifth| f64::from(fifth) / 5.0).chain([99.99, 99.999, 100.0]).collect();
    let words: Vec<String> = percentiles.iter().map(f64::to_string).collect();
    let reply = client.run(&format!("LIQ.PCTL s {}", words.join(" ")));
    let errors: Vec<f64> = percentiles
        .iter()
        .zip(reply.numbers())
        .map(|(percentile, answer)| {
            let rank = ((percentile * 1e6).round() as u128 * u128::from(events)).div_ceil(100_000_000).max(1) as usize;
            let exact = sizes[rank - 1];
            (answer.unwrap() - exact).abs() / exact
        })
        .collect();

    let asked: Vec<f64> =
        percentiles.iter().map(|percentile| sizes[(percentile / 100.0 * (events - 1) as f64) as usize]).collect();
    let words: Vec<String> = asked.iter().map(f64::to_string).collect();
    let reply = client.run(&format!("LIQ.RANK s {}", words.join(" ")));
    let rank_error = asked.iter().zip(reply.numbers()).map(|(size, answer)| {
        let exact = 100.0 * sizes.partition_point(|other| other <= size) as f64 / events as f64;
        (answer.unwrap() - exact).abs()
    });

    let (volume, quantity) = day
        .iter()
        .fold((0.0, 0.0), |(volume, quantity), event| (volume + event.size, quantity + event.size / event.price));
    let vwap = client.run("LIQ.VWAP s WINDOW 24h").field("vwap").f64();
    let longest = errors.iter().copied().fold(0.0, f64::max);
    vec![
        crate::table::whole(events as f64),
        format!("{:.4} %", 100.0 * errors.iter().sum::<f64>() / errors.len() as f64),
        format!("{:.4} %", 100.0 * longest),
        format!("{:.4}", rank_error.fold(0.0, f64::max)),
        format!("{:.1e}", (vwap - volume / quantity).abs() / vwap),
    ]
}
