//! The table of sizes in docs/operations.md, measured again.

use crate::page::page;
use crate::support::{Client, Server};

const DAY_MS: u64 = 86_400_000;
/// Within this share of what the page says: it is for planning, and other sizes of events pack otherwise.
const TOLERANCE: f64 = 0.3;

/// Numbers from 0 to 1 that look random, always the same.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal, by the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.throw()).sum::<f64>() - 6.0
    }
}

/// Fills a series with so many events of one day: evenly spread, log-normal sizes, a price that wanders.
fn fill(client: &mut Client, key: &str, events: u64, dice: &mut Dice) {
    client.run(&format!("LIQ.CREATE {key} CLOCK EVENT")).ok();
    let (mut price, step_ms) = (100.0, DAY_MS / events);
    let mut at = 0;
    while at < events {
        let upto = (at + 500).min(events);
        let mut words = vec!["LIQ.MADD".to_owned(), key.to_owned(), "EVENTS".to_owned()];
        for n in at..upto {
            price *= 1.0 + 0.0002 * dice.normal();
            let ts_ms = 1_767_225_600_000 + n * step_ms + (dice.throw() * step_ms as f64) as u64;
            let side = if dice.throw() < 0.55 { "sell" } else { "buy" };
            let size = (6.5 + 1.8 * dice.normal()).exp();
            words.extend([ts_ms.to_string(), side.to_owned(), format!("{price:.4}"), format!("{size:.2}")]);
        }
        let reply = client.call(&words);
        assert!(!reply.is_error(), "{reply:?}");
        at = upto;
    }
}

/// Events of a symbol, and the bytes that they take, as the page has it.
fn rows() -> Vec<(u64, f64)> {
    let page = page();
    let (_, section) = page.split_once("| events of a symbol in 24 h |").expect("the page has a table of sizes");
    let lines = section.lines().skip(2).take_while(|line| line.starts_with('|'));
    let number = |cell: &str| cell.trim().replace(',', "").parse::<f64>().expect("a number");
    let rows = lines.map(|line| {
        let cells: Vec<&str> = line.split('|').collect();
        (number(cells[1]) as u64, number(cells[2]))
    });
    rows.collect()
}

#[test]
fn a_symbol_takes_what_the_page_says() {
    let rows = rows();
    assert!(rows.len() >= 4, "{rows:?}");
    // Beyond that a development build takes long, and the next row follows from sums of the same kind.
    for (events, told) in rows.into_iter().filter(|(events, _)| *events <= 100_000) {
        let server = Server::start();
        let mut client = server.connect();
        let symbols = (100_000 / events).clamp(1, 100);
        let used = |client: &mut Client| client.info("used_memory").parse::<f64>().unwrap();
        // Names of commands and the like are allocated at the first use.
        fill(&mut client, "warm", 100, &mut Dice(1));
        let (before, mut dice) = (used(&mut client), Dice(events));
        for symbol in 0..symbols {
            fill(&mut client, &format!("liq:{{S{symbol:05}USDT}}"), events, &mut dice);
        }
        let bytes = (used(&mut client) - before) / symbols as f64;
        println!("{events} events: {bytes:.0} bytes, {told:.0} on the page");
        assert!(
            (bytes / told - 1.0).abs() < TOLERANCE,
            "{events} events take {bytes:.0} bytes, the page says {told:.0}"
        );
    }
}
