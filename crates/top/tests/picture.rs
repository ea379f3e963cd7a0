//! `liq-top --svg`: one symbol as a picture.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use support::{HOSTILE, Server, add_events, fail, program, stocked_server, succeed};

/// Fails unless every tag is closed and nothing is in the picture but shapes and text.
#[track_caller]
fn assert_is_a_picture(svg: &str) {
    let mut open = Vec::new();
    for (place, part) in svg.split('<').enumerate().skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("part {place} has no end: {part}"));
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
        let known = ["svg", "rect", "line", "polyline", "polygon", "circle", "path", "text", "g"];
        assert!(known.contains(&name), "<{name}> in a picture: {part}");
        assert!(!tag.contains("on") || !tag.contains("=\"javascript"), "{tag}");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(svg.starts_with("<svg") && !svg.contains("http:") || svg.contains("http://www.w3.org/2000/svg"), "{svg}");
}

#[test]
fn a_symbol_is_drawn_with_its_figures_and_events() {
    let (server, folder) = (stocked_server(&[]), tempfile::tempdir().unwrap());
    let file = folder.path().join("btc.svg");
    let printed = succeed(program(&server.url()).arg("--svg").arg(&file).args(["--symbol", "BTCUSDT"]));
    assert_eq!(printed, "");
    let svg = std::fs::read_to_string(&file).unwrap();
    assert_is_a_picture(&svg);
    assert!(svg.contains("BTCUSDT, liquidations of 60m") || svg.contains("BTCUSDT, liquidations of 1h"), "{svg}");
    assert!(svg.contains("121 events"), "the figures are in it");
    assert_eq!(svg.matches("<circle").count(), 121, "an event is a dot");
    // By its key, to standard output.
    let printed = succeed(program(&server.url()).args(["--svg", "-", "--symbol", "liq:{ETHUSDT}"]));
    assert_is_a_picture(&printed);
    assert_eq!(printed.matches("<circle").count(), 60);
}

#[test]
fn nothing_of_a_name_is_in_a_picture_but_its_letters() {
    let server = Server::start();
    let mut client = server.connect();
    let huge = format!("liq:{{{}}}", "<b>".repeat(20_000));
    for name in HOSTILE.iter().copied().chain([huge.as_bytes()]) {
        add_events(&mut client, name, 10);
        // Names that are no text, or too long, cannot be arguments.
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if !name.contains('\0') {
            assert_is_a_picture(&succeed(program(&server.url()).args(["--svg", "-", "--symbol", name])));
        }
    }
}

#[test]
fn an_empty_window_and_a_single_event_are_drawn() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE liq:{EMPTY}").ok();
    client.run("LIQ.ADD liq:{ONE} * buy 1 1");
    let empty = succeed(program(&server.url()).args(["--svg", "-", "--symbol", "EMPTY"]));
    assert!(empty.contains("no events in the window"), "{empty}");
    for symbol in ["EMPTY", "ONE"] {
        for window in ["1s", "1h", "365d"] {
            let arguments = ["--svg", "-", "--symbol", symbol, "--window", window];
            assert_is_a_picture(&succeed(program(&server.url()).args(arguments)));
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let server = stocked_server(&[]);
    add_events(&mut server.connect(), b"other:{BTCUSDT}", 5);
    let said = fail(program(&server.url()).args(["--svg", "-", "--symbol", "NONE"]));
    assert!(said.contains("no series of 'NONE'"), "{said}");
    let said = fail(program(&server.url()).args(["--svg", "-", "--symbol", "BTCUSDT"]));
    assert!(said.contains("liq:{BTCUSDT}, other:{BTCUSDT}"), "{said}");
    let said = fail(program(&server.url()).args(["--svg", "/nowhere/x.svg", "--symbol", "ETHUSDT"]));
    assert!(said.contains("/nowhere/x.svg"), "{said}");
    server.connect().run("ACL SETUSER little on >p ~* +@all -liq.info").ok();
    let url = format!("{}?user=little&pass=p", server.url());
    let said = fail(program(&url).args(["--svg", "-", "--symbol", "ETHUSDT"]));
    assert!(said.contains("NOPERM") && said.contains("liq.info"), "{said}");
    let said = fail(program(&server.url()).args(["--svg", "-"]));
    assert!(said.contains("--symbol"), "{said}");
}
