//! What looking costs: the server's CPU while `liq-top` looks at it, the time to the first frame, and that of a frame.
//! `make bench PARTS=top`, or `cargo bench -p liq-top`.
//!
//! Nothing is asserted: figures depend on the machine, and on what else it does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use liq_harness::{Client, Server};
use liq_top::model::{Link, View};
use liq_top::terminal::{App, frame};
use liq_top::watch::{self, Source};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const ROUNDS: usize = 9;
/// So long the program looks while the server's CPU is counted.
const LOOKED: Duration = Duration::from_secs(20);

fn main() {
    println!("liq-top: medians of {ROUNDS} rounds; a window of an hour, a refresh of a second");
    for symbols in [300, 10_000] {
        let server = server_of(symbols);
        println!("{symbols} symbols of 120 events, 10 new ones in each second");
        let mut first: Vec<f64> = (0..ROUNDS).map(|_| first_frame(&server)).collect();
        println!("  first frame with symbols   {:>8.1} ms", median(&mut first));
        for (columns, rows) in [(80, 24), (160, 50)] {
            let mut times = frames(&server, columns, rows);
            println!("  frame of {columns:>3} by {rows}         {:>8.2} ms", median(&mut times));
        }
        println!("  the server's CPU           {:>8.2} % of a core", cost(&server) * 100.0);
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn server_of(symbols: u64) -> Server {
    let server = Server::with(&["notify-keyspace-events Engxe"]);
    let mut client = server.connect();
    let now_ms = client.time_ms();
    for symbol in 0..symbols {
        let event = |n: u64| {
            format!(
                "{} {} {} {}",
                now_ms - n * 25_000,
                if n.is_multiple_of(3) { "buy" } else { "sell" },
                100 + n % 7,
                1_000 + n * symbol % 9_973
            )
        };
        let events: Vec<String> = (0..120).rev().map(event).collect();
        client.run(&format!("LIQ.MADD liq:{{S{symbol:05}}} EVENTS {}", events.join(" ")));
    }
    server
}

/// The program on a terminal of 80 by 24, until a symbol stands there.
fn first_frame(server: &Server) -> f64 {
    let began = Instant::now();
    let (pty, pts) = pty_process::blocking::open().unwrap();
    pty.resize(pty_process::Size::new(24, 80)).unwrap();
    let command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_liq-top"));
    let mut child = command.args(["--redis-url", &server.url()]).env("TERM", "xterm-256color").spawn(pts).unwrap();
    let mut output = std::fs::File::from(std::os::fd::AsFd::as_fd(&pty).try_clone_to_owned().unwrap());
    let (mut screen, mut bytes) = (vt100::Parser::new(size(24), size(80), 0), [0; 4096]);
    while !screen.screen().contents().contains("\nS0") {
        let count = output.read(&mut bytes).unwrap();
        screen.process(&bytes[..count]);
    }
    let took = began.elapsed();
    let mut pty = pty;
    pty.write_all(b"q").unwrap();
    // Nobody reads any more: it must not wait for that.
    let _ = child.kill();
    let _ = child.wait();
    took.as_secs_f64() * 1e3
}

fn size(count: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(count).unwrap()
}

/// What a frame takes when something new was read: to put rows in order, and to draw.
fn frames(server: &Server, columns: u16, rows: u16) -> Vec<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let source = Source::new(&server.url()).unwrap();
    let snapshot = runtime.block_on(watch::once(&source, 3_600_000)).unwrap();
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut app = App::new(3_600_000, true);
    let mut once = || {
        let snapshot = Some(Arc::new(snapshot.clone()));
        let view = View { address: String::new(), link: Link::Up, snapshot, details: BTreeMap::new() };
        let began = Instant::now();
        app.see(view);
        terminal.draw(|area| frame(area, &mut app)).unwrap();
        began.elapsed().as_secs_f64() * 1e3
    };
    (0..ROUNDS).map(|_| once()).collect()
}

/// The share of a core that looking takes of the server: with the program, less that without.
fn cost(server: &Server) -> f64 {
    let mut client = server.connect();
    let alone = share(&mut client);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_liq-top"));
    command.args(["--redis-url", &server.url(), "--web", "127.0.0.1:0"]).stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    // What is read for the first time is not what looking costs.
    feed(&mut client, Duration::from_secs(15));
    let looked = share(&mut client);
    let _ = child.kill();
    let _ = child.wait();
    looked - alone
}

fn share(client: &mut Client) -> f64 {
    let cpu = |client: &mut Client| {
        ["used_cpu_user", "used_cpu_sys"].into_iter().map(|name| client.info(name).parse::<f64>().unwrap()).sum::<f64>()
    };
    let (before, began) = (cpu(client), Instant::now());
    feed(client, LOOKED);
    (cpu(client) - before) / began.elapsed().as_secs_f64()
}

/// Ten events a second, as a calm market has.
fn feed(client: &mut Client, length: Duration) {
    let began = Instant::now();
    while began.elapsed() < length {
        client.run(&format!("LIQ.ADD liq:{{S{:05}}} * sell 100 5000", began.elapsed().as_millis() % 300));
        std::thread::sleep(Duration::from_millis(100));
    }
}
