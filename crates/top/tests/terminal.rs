//! `liq-top` on a terminal: the program in a pseudo-terminal, whose screen a parser keeps as a terminal would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::io::{Read as _, Write as _};
use std::process::Child;
use std::sync::{Arc, Mutex};

use support::{
    HOSTILE, Server, add_events, audit, expect_absences, stocked_cluster, stocked_server, untidy_server, wait_until,
};

/// The program, and what stands on its screen.
struct Terminal {
    pty: pty_process::blocking::Pty,
    screen: Arc<Mutex<vt100::Parser>>,
    written: Arc<Mutex<Vec<u8>>>,
    child: Child,
}

fn size(count: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(count).unwrap()
}

impl Terminal {
    #[track_caller]
    fn open(url: &str, rows: u16, columns: u16, variables: &[(&str, &str)]) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        let mut command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_liq-top"))
            .args(["--redis-url", url, "--refresh", "0.1"])
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color");
        for (name, value) in variables {
            command = command.env(name, value);
        }
        let child = command.spawn(pts).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(rows), size(columns), 0)));
        let written = Arc::new(Mutex::new(Vec::new()));
        let mut output = std::fs::File::from(std::os::fd::AsFd::as_fd(&pty).try_clone_to_owned().unwrap());
        let (seen, kept) = (Arc::clone(&screen), Arc::clone(&written));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It fails when the program has ended.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                seen.lock().unwrap().process(&bytes[..count]);
                kept.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self { pty, screen, written, child }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    #[track_caller]
    fn wait_for(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until(what, || {
                text = self.text();
                is_so(&text)
            });
        }));
        assert!(waited.is_ok(), "waited in vain until {what}:\n{text}");
        text
    }

    #[track_caller]
    fn shows(&self, part: &str) -> String {
        self.wait_for(&format!("'{part}' is shown"), |text| text.contains(part))
    }

    fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).unwrap();
    }

    fn resize(&mut self, rows: u16, columns: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(size(rows), size(columns));
        self.pty.resize(pty_process::Size::new(rows, columns)).unwrap();
    }

    /// Waits for its end, and expects that it ends well and leaves the terminal as it was.
    #[track_caller]
    fn ends(mut self) {
        wait_until("the program ends", || self.child.try_wait().unwrap().is_some());
        assert!(self.child.wait().unwrap().success());
        // The last of what it wrote may still be on its way, in several pieces: first the screen, then the cursor.
        wait_until("screen and cursor are given back", || {
            let screen = self.screen.lock().unwrap();
            !screen.screen().alternate_screen() && !screen.screen().hide_cursor()
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_frame_of_80_by_24_has_everything_in_its_place() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let mut terminal = Terminal::open(&server.url(), 24, 80, &[]);
    let text = terminal.wait_for("all is shown", |text| text.contains("SOLUSDT") && text.contains("BYBIT"));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("master") && lines[1].starts_with("memory normal"), "{text}");
    for head in ["SYMBOL", "volume", "p50", "p80", "p95", "vwap", "dev", "lg/sh", "rate", "hour"] {
        assert!(lines[2].contains(head), "{head} is missing in\n{text}");
    }
    let order: Vec<&str> = lines[3..6].iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(order, ["BTCUSDT", "ETHUSDT", "SOLUSDT"], "by volume");
    assert!(text.contains("large liquidations") && text.contains("2.00M at 90"), "{text}");
    assert!(lines.last().unwrap().contains("? help"), "{text}");
    // The panels behind Tab.
    for part in ["liquidation_long", "61755.7", "93% of 100"] {
        terminal.press("\t");
        terminal.shows(part);
    }
    terminal.press("?");
    terminal.shows("keys and figures");
    terminal.press("q");
    terminal.shows("by volume");
    terminal.press("q");
    terminal.ends();
}

#[test]
fn a_frame_of_160_by_50_shows_more_columns_and_two_panels() {
    let server = stocked_server(&[]);
    let mut terminal = Terminal::open(&server.url(), 50, 160, &[]);
    let text = terminal.wait_for("all is shown", |text| text.contains("BYBIT") && text.contains("liquidation_long"));
    assert!(text.contains("events") && text.contains("large liquidations") && text.contains("signals"), "{text}");
    assert!(text.contains("CONFIG SET notify-keyspace-events Engxe"), "{text}");
    terminal.press("\x03");
    terminal.ends();
}

#[test]
fn rows_are_sorted_filtered_and_opened() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let mut terminal = Terminal::open(&server.url(), 24, 80, &[]);
    terminal.shows("SOLUSDT");
    terminal.press("ssssss");
    terminal.shows("by symbol");
    terminal.press("S");
    let text = terminal.shows("turned round");
    assert!(text.lines().nth(3).unwrap().starts_with("SOLUSDT"), "{text}");
    // The chosen row stays chosen wherever it goes: the last one is BTCUSDT now.
    terminal.press("G\r");
    let text =
        terminal.wait_for("the symbol is open", |text| text.contains("key liq:{BTCUSDT}") && text.contains("venues"));
    assert!(text.contains("121 events") && text.contains("sizes") && text.contains("OKX"), "{text}");
    assert!(text.contains("price, VWAP and bands"), "{text}");
    terminal.press("W");
    terminal.shows("15m Esc back");
    terminal.press("\x1b");
    terminal.shows("15m by symbol");
    terminal.press("/eth");
    terminal.wait_for("the filter holds", |text| {
        let rows: Vec<&str> = text.lines().skip(3).collect();
        text.contains("filter: eth_") && rows[0].starts_with("ETHUSDT") && rows[1].trim().is_empty()
    });
    terminal.press("\r");
    terminal.shows("with 'eth'");
    terminal.press("\r");
    terminal.shows("key liq:{ETHUSDT}");
    server.connect().run("DEL liq:{ETHUSDT}");
    terminal.shows("the series is gone");
    terminal.press("\x03");
    terminal.ends();
}

#[test]
fn any_size_is_survived() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let mut terminal = Terminal::open(&server.url(), 5, 20, &[]);
    let text =
        terminal.wait_for("symbol and volume are shown", |text| text.contains("SYMBOL") && text.contains("BTCUSDT"));
    assert!(text.contains("volume"), "{text}");
    for page in ["", "\r", "?"] {
        terminal.press(page);
        for (rows, columns) in [(1, 1), (2, 3), (5, 20), (24, 80), (3, 200), (100, 10), (50, 160)] {
            let before = terminal.written.lock().unwrap().len();
            terminal.resize(rows, columns);
            wait_until("another size is drawn", || {
                assert_eq!(terminal.child.try_wait().unwrap(), None, "{rows} rows of {columns} ended it");
                terminal.written.lock().unwrap().len() > before
            });
        }
    }
    terminal.press("q");
    terminal.resize(24, 80);
    terminal.wait_for("the page of one is left too", |text| text.contains("by volume"));
    terminal.press("q");
    terminal.ends();
}

#[test]
fn a_key_that_comes_with_another_size_does_what_it_says() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let mut terminal = Terminal::open(&server.url(), 24, 80, &[]);
    terminal.shows("SOLUSDT");
    for round in 0..40 {
        let (rows, expected) = if round % 2 == 0 { (25, "keys and figures") } else { (24, "by volume") };
        terminal.press("?");
        terminal.resize(rows, 80);
        terminal.shows(expected);
    }
    terminal.press("q");
    terminal.ends();
}

#[test]
fn a_restart_of_the_server_is_said_and_survived() {
    let mut server = stocked_server(&["appendonly yes"]);
    let mut terminal = Terminal::open(&server.url(), 24, 80, &[]);
    terminal.shows("SOLUSDT");
    server.kill();
    let text = terminal.shows("NO SERVER for");
    assert!(text.contains("what is shown is old") && text.contains("SOLUSDT"), "{text}");
    server.start_again();
    terminal.wait_for("it is read again", |text| !text.contains("NO SERVER") && text.contains("SOLUSDT"));
    terminal.press("q");
    terminal.ends();
}

#[test]
fn without_colours_nothing_is_coloured_and_with_them_something_is() {
    let server = stocked_server(&[]);
    let has_colours = |written: &[u8]| {
        let text = String::from_utf8_lossy(written).into_owned();
        text.split("\x1b[").skip(1).any(|rest| {
            let (codes, _) = rest.split_once('m').unwrap_or_default();
            codes.split(';').any(|code| matches!(code.parse(), Ok(30..=38 | 40..=48 | 90..=97)))
        })
    };
    for (variables, is_coloured) in [(&[][..], true), (&[("NO_COLOR", "1")][..], false)] {
        let mut terminal = Terminal::open(&server.url(), 24, 80, variables);
        terminal.wait_for("all is shown", |text| text.contains("SOLUSDT") && text.contains("BYBIT"));
        terminal.press("\r");
        terminal.shows("venues");
        assert_eq!(has_colours(&terminal.written.lock().unwrap()), is_coloured, "{variables:?}");
        terminal.press("\x03");
        terminal.ends();
    }
}

#[test]
fn nothing_of_a_name_reaches_the_terminal() {
    let server = Server::with(&["notify-keyspace-events Engxe"]);
    let mut client = server.connect();
    let huge = [b"liq:{".as_slice(), &b"\x1b[31m".repeat(13_000), b"}"].concat();
    for name in HOSTILE.iter().copied().chain([huge.as_slice()]) {
        add_events(&mut client, name, 10);
    }
    let mut terminal = Terminal::open(&server.url(), 24, 80, &[]);
    terminal.wait_for("the rows are shown", |text| text.contains(r"\u{1b}[") && text.contains("<script>"));
    for _ in 0..=HOSTILE.len() {
        terminal.press("\r");
        terminal.wait_for("the symbol is open", |text| text.contains("venues") && text.contains("  key "));
        terminal.press("\x1b");
        terminal.shows("by volume");
        terminal.press("j");
    }
    let written = terminal.written.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&written);
    assert!(!text.contains("\x1b]0;owned") && !text.contains("\x1b[2J\x1b[1;1H\x1b]") && !text.contains('\u{202e}'));
    assert!(!text.contains("\x07"), "no bell");
    terminal.press("q");
    terminal.ends();
}

#[test]
fn a_server_without_the_module_is_waited_for_and_a_pipe_is_no_terminal() {
    let plain = Server::plain();
    let mut terminal = Terminal::open(&plain.url(), 24, 80, &[]);
    terminal.shows("has no module redis-liq");
    terminal.press("q");
    terminal.ends();
    let said = support::fail(&mut support::program(&plain.url()));
    assert!(said.contains("say --once"), "{said}");
}

#[test]
fn what_keys_are_like_has_a_page() {
    let server = untidy_server();
    let mut terminal = Terminal::open(&server.url(), 24, 80, &[]);
    terminal.press("a");
    terminal.shows("no audit yet");
    audit(&mut server.connect());
    let text = terminal.wait_for("the report is read", |text| text.contains("TTL 2, TYPE 1"));
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(|line| line.starts_with("prefix")).unwrap() + 1;
    assert!(lines[first].starts_with("session:"), "what is broken comes first\n{text}");
    assert!(text.contains("policies") && text.contains("TTL 30s"), "{text}");
    // However far it is scrolled, and however small it is.
    for (keys, rows) in [("G", 24), ("G", 7), ("jjjjjjjjjjjjkk", 10), ("g", 24)] {
        terminal.resize(rows, 80);
        terminal.press(keys);
    }
    terminal.wait_for("the first row is back", |text| text.contains("session:"));
    let written = terminal.written.lock().unwrap().clone();
    assert!(!String::from_utf8_lossy(&written).contains("\x1b]0;owned"));
    terminal.press("a");
    terminal.shows("by volume");
    terminal.press("q");
    terminal.ends();
}

#[test]
fn all_of_a_cluster_is_on_one_page_and_a_master_that_goes_is_named() {
    let (mut cluster, url) =
        stocked_cluster(&["appendonly yes", "notify-keyspace-events Engxe", "cluster-require-full-coverage no"]);
    expect_absences(&mut cluster.nodes);
    let mut terminal = Terminal::open(&url, 60, 120, &[]);
    let all = |text: &str| (0..20).all(|n| text.contains(&format!("S{n:02}")));
    terminal.wait_for("all is shown", |text| text.contains("3 masters") && all(text));
    let gone = format!("127.0.0.1:{} does not answer", cluster.nodes[2].port());
    cluster.nodes[2].kill();
    terminal.wait_for("its absence is said", |text| text.contains("! a part is old since") && text.contains(&gone));
    assert!(all(&terminal.text()), "its last picture stays");
    cluster.nodes[2].start_again();
    terminal.wait_for("it is read again", |text| !text.contains("a part is old") && all(text));
    cluster.nodes.iter_mut().for_each(Server::kill);
    terminal.shows("NO SERVER for");
    terminal.shows("none of 3 masters is there");
    terminal.press("q");
    terminal.ends();
}

#[test]
fn ten_thousand_symbols_fit_a_terminal_of_20_by_5() {
    let server = Server::with(&["notify-keyspace-events Engxe"]);
    let lines: Vec<String> = (0..10_000).map(|n| format!("LIQ.ADD liq:{{S{n:04}}} * buy 1 {}", n + 1)).collect();
    server.connect().pipeline(&lines);
    let mut terminal = Terminal::open(&server.url(), 5, 20, &[]);
    terminal
        .wait_for("the largest is on top", |text| text.lines().nth(2).is_some_and(|line| line.starts_with("S9999")));
    terminal.press("G");
    terminal.wait_for("the smallest is reached", |text| text.contains("S0000"));
    terminal.press("/s5000\r");
    terminal.wait_for("one is found", |text| text.contains("S5000") && !text.contains("S0000"));
    terminal.press("\r");
    terminal.shows("S5000  key");
    terminal.press("\x03");
    terminal.ends();
}
