//! The pictures in the README are what the program draws: of two hours of a generated market, on a real server.
//! `UPDATE_PICTURES=1 cargo nextest run -p liq-top -E 'binary(drawn)'` draws them anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use liq_sample::DOZEN;
use liq_top::model::{Link, View};
use liq_top::picture::{Paper, svg};
use liq_top::terminal::{App, frame};
use liq_top::watch::{self, Source};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use support::{Client, Server};

const WINDOW_MS: u64 = 14_400_000;
/// What the events are gathered by; they begin at a whole one, so that the same fall together whenever it is drawn.
const PANE_MS: u64 = 300_000;
const COLUMNS: u16 = 124;
const ROWS: u16 = 32;

#[test]
fn the_pictures_in_the_readme_are_what_is_drawn() {
    let server = Server::with(&["notify-keyspace-events Engxe"]);
    fill(&mut server.connect());
    let drawn = draw(&server);
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for (name, picture) in [("terminal.svg", &drawn.terminal), ("symbol.svg", &drawn.symbol)] {
        let path = root().join("docs/pictures").join(name);
        if std::env::var_os("UPDATE_PICTURES").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, picture).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(readme.contains(&format!("](docs/pictures/{name})")), "the README shows {name}");
        assert_eq!(what_stays(&kept), what_stays(picture), "{name}: draw it anew as the head of this file says");
    }
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A market, with signals, a price, a stop and a limit.
fn fill(client: &mut Client) {
    let now_ms = client.time_ms();
    let start_ms = now_ms / PANE_MS * PANE_MS - 7_200_000;
    for contract in DOZEN {
        let symbol = contract.symbol;
        client.run(&format!("LIQ.CREATE liq:{{{symbol}}} SIGNALS signals:{{{symbol}}}")).ok();
    }
    let lines: Vec<String> = liq_sample::market(&DOZEN, 5, start_ms, 7_200_000)
        .iter()
        .enumerate()
        .map(|(n, (contract, event))| {
            let venue = ["BINANCE", "BYBIT", "OKX", "BINANCE"][n % 4];
            format!(
                "LIQ.ADD liq:{{{}}} {} {} {} {:.0} EXCHANGE {venue}",
                contract.symbol,
                event.ts_ms,
                event.side,
                event.price,
                event.size.max(1.0)
            )
        })
        .collect();
    for part in lines.chunks(1000) {
        client.pipeline(part);
    }
}

struct Drawn {
    terminal: String,
    symbol: String,
}

fn draw(server: &Server) -> Drawn {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let source = Source::new(&server.url()).unwrap();
    let mut snapshot = runtime.block_on(watch::once(&source, WINDOW_MS)).unwrap();
    // Where a test's server is concerns nobody.
    snapshot.server.address = "localhost:6379/0".to_owned();
    let (row, detail) = runtime.block_on(watch::closely(&source, WINDOW_MS, b"BTCUSDT")).unwrap();
    let snapshot = Some(Arc::new(snapshot));
    let view = View { address: String::new(), link: Link::Up, snapshot, details: BTreeMap::new() };
    let mut app = App::new(WINDOW_MS, true);
    app.see(view);
    let mut terminal = Terminal::new(TestBackend::new(COLUMNS, ROWS)).unwrap();
    terminal.draw(|area| frame(area, &mut app)).unwrap();
    Drawn { terminal: as_svg(terminal.backend().buffer()), symbol: svg(&row, &detail, Paper::White).unwrap() }
}

/// A terminal's cells as SVG: a line of text for each row, in runs of one look.
fn as_svg(buffer: &Buffer) -> String {
    const CELL: (f64, f64) = (8.0, 17.0);
    let (width, height) = (f64::from(COLUMNS) * CELL.0 + 24.0, f64::from(ROWS) * CELL.1 + 24.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"monospace\" font-size=\"13.3\">\n<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#16181b\"/>\n"
    );
    for row in 0..ROWS {
        let cells: Vec<_> = (0..COLUMNS).map(|column| &buffer[(column, row)]).collect();
        let top = 12.0 + f64::from(row) * CELL.1;
        let mut line = String::new();
        let mut column = 0;
        for run in cells.chunk_by(|left, right| (left.fg, left.modifier) == (right.fg, right.modifier)) {
            let text: String = run.iter().map(|cell| cell.symbol()).collect();
            let (left, length) = (12.0 + column as f64 * CELL.0, run.len() as f64 * CELL.0);
            column += run.len();
            let is_chosen = run[0].modifier.contains(Modifier::REVERSED);
            if is_chosen {
                writeln!(
                    out,
                    "<rect x=\"{left}\" y=\"{top}\" width=\"{length}\" height=\"{}\" fill=\"#c8c8c8\"/>",
                    CELL.1
                )
                .unwrap();
            }
            let colour = if is_chosen { "#16181b" } else { colour(run[0].fg) };
            let weight = if run[0].modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            write!(line, "<tspan x=\"{left}\" textLength=\"{length}\" fill=\"{colour}\"{weight}>{text}</tspan>")
                .unwrap();
        }
        writeln!(out, "<text y=\"{}\" xml:space=\"preserve\">{line}</text>", top + 13.0).unwrap();
    }
    out + "</svg>\n"
}

fn colour(colour: Color) -> &'static str {
    match colour {
        Color::Red => "#ff7d70",
        Color::Green => "#5fd08f",
        Color::Yellow => "#f0b04a",
        Color::Cyan => "#5bc0de",
        Color::DarkGray => "#8a8f98",
        _ => "#e4e4e4",
    }
}

/// What a picture has that does not depend on when it was drawn: how many events, the texts without a time of day, and of
/// a terminal's rows the figures of each symbol.
fn what_stays(picture: &str) -> Vec<String> {
    let texts = picture.split("<text").skip(1).filter_map(|part| part.split_once('>')?.1.split_once("</text>"));
    let plain = |text: &str| -> String {
        // Without the tags within.
        text.split('<')
            .enumerate()
            .map(|(at, part)| if at == 0 { part } else { part.split_once('>').unwrap().1 })
            .collect()
    };
    let texts = texts.map(|(text, _)| plain(text).trim().to_owned());
    let symbols: Vec<&str> = DOZEN.iter().map(|contract| contract.symbol).collect();
    let steady = texts.filter_map(|text| {
        let words: Vec<&str> = text.split_whitespace().collect();
        if picture.contains("tspan") {
            return words.first().filter(|first| symbols.contains(first)).map(|_| words[..8].join(" "));
        }
        (!text.contains(':')).then(|| text.split("  rate").next().unwrap().to_owned())
    });
    let mut stays: Vec<String> = steady.collect();
    stays.push(format!("{} events", picture.matches("<circle").count()));
    stays
}
