//! `liq-top --web`: pages over HTTP, live by server-sent events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use support::relay::relay;
use support::site::Site;
use support::{HOSTILE, Server, add_events, fail, program, stocked_server, wait_until};

#[test]
fn the_page_of_all_symbols_is_live() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    site.link_to("BTCUSDT");
    let page = site.page("/");
    for part in [
        "<!doctype html>",
        "121",
        "large liquidations",
        "liquidation_long",
        "61755.7",
        "rl:{okx}",
        "data-events=\"/events\"",
    ] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
    let outside = page.split("://").count() - 1;
    assert_eq!(outside, 0, "nothing is loaded from elsewhere: {page}");
    let mut contents = site.live("/events");
    assert!(contents.next().unwrap().contains("BTCUSDT"));
    add_events(&mut server.connect(), b"liq:{FRESH}", 5);
    assert!(contents.any(|content| content.contains("FRESH")), "a new symbol comes without asking");
    let style = site.page("/style.css");
    assert!(style.contains("prefers-color-scheme: dark"));
    assert!(site.page("/live.js").contains("EventSource"));
}

#[test]
fn the_page_of_one_symbol_is_read_while_somebody_looks() {
    let server = stocked_server(&[]);
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let link = site.link_to("BTCUSDT");
    assert!(site.page(&link).contains("it is being read"), "nobody looks yet");
    let events = link.replace("/symbol", "/events");
    let mut contents = site.live(&events);
    let content = contents.find(|content| content.contains("<svg")).unwrap();
    assert!(content.contains("BYBIT") && content.matches("<circle").count() == 121, "{content}");
    assert!(!content.contains("#FFFFFF"), "the page's own colour is behind the picture");
    // A browser that leaves is no longer read for, whether it says so or not.
    drop(contents);
    wait_until("nobody looks any more", || site.page(&link).contains("it is being read"));
    let (status, ..) = site.get("/symbol?id=0000000000000000", "Host: localhost\r\n");
    assert_eq!(status, 404);
}

#[test]
fn nothing_of_a_name_is_markup() {
    let server = Server::start();
    let mut client = server.connect();
    let huge = format!("liq:{{{}}}", "<b>".repeat(20_000));
    for name in HOSTILE.iter().copied().chain([huge.as_bytes()]) {
        add_events(&mut client, name, 10);
    }
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let link = site.link_to("&lt;script&gt;alert(1)&lt;/script&gt;");
    let page = site.page("/");
    let of_symbol = site.live(&link.replace("/symbol", "/events")).find(|content| content.contains("<svg")).unwrap();
    for text in [page.as_str(), of_symbol.as_str(), &site.page(&link)] {
        assert!(!text.contains("<script>") && !text.contains("<b>"), "{text}");
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
        assert!(!text.contains('\u{202e}'));
    }
}

#[test]
fn other_sites_and_strangers_are_refused() {
    let server = stocked_server(&[]);
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let (status, _, body) = site.get("/", "Host: evil.example\r\n");
    assert_eq!((status, body.contains("BTCUSDT")), (403, false), "a name that was turned to this machine");

    // Where others can reach it, there is a token without asking for one.
    let open = Site::open(&server.url(), "0.0.0.0:0", &[]);
    let token = open.url.split_once("?token=").unwrap().1.to_owned();
    assert!(token.len() >= 32);
    for path in ["/", "/events", "/style.css", "/?token=wrong"] {
        assert_eq!(open.get(path, "Host: localhost\r\n").0, 403, "{path}");
    }
    let (status, head, _) = open.get(&format!("/?token={token}"), "Host: any\r\n");
    assert!(status == 303 && head.contains("HttpOnly; SameSite=Strict"), "{head}");
    assert_eq!(open.get("/", &format!("Host: any\r\nCookie: liq-top={token}\r\n")).0, 200);

    let chosen = Site::open(&server.url(), "127.0.0.1:0", &["--token", "a-long-enough-token"]);
    assert_eq!(chosen.get("/", "Host: localhost\r\n").0, 403);
    let said = fail(program(&server.url()).args(["--web", "127.0.0.1:0", "--token", "short"]));
    assert!(said.contains("16 or more"), "{said}");
    let said = fail(program(&server.url()).args(["--web", &format!("127.0.0.1:{}", site.port)]));
    assert!(said.contains("in use"), "{said}");
}

#[test]
fn a_server_that_is_away_is_said_to_be() {
    let mut server = stocked_server(&["appendonly yes"]);
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    site.link_to("BTCUSDT");
    let mut contents = site.live("/events");
    contents.next().unwrap();
    server.kill();
    let away = contents.find(|content| content.contains("no server for")).unwrap();
    assert!(away.contains("BTCUSDT"), "the last picture stays");
    server.start_again();
    assert!(contents.any(|content| !content.contains("no server for")));
}

#[test]
fn the_page_of_one_symbol_waits_for_a_liq_top_that_has_read_nothing_yet() {
    let mut server = stocked_server(&["appendonly yes"]);
    let before = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let link = before.link_to("BTCUSDT");
    drop(before);
    server.kill();
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    assert!(site.page(&link).contains("nothing was read yet"), "it may be there");
    let mut contents = site.live(&link.replace("/symbol", "/events"));
    assert!(contents.next().unwrap().contains("nothing was read yet"));
    server.start_again();
    assert!(contents.any(|content| content.contains("<svg") && content.contains("BTCUSDT")));
    // What is not there once all is read may come.
    let absent = "id=0123456789abcdef";
    assert_eq!(site.get(&format!("/symbol?{absent}"), "Host: localhost\r\n").0, 404);
    assert!(site.live(&format!("/events?{absent}")).any(|content| content.contains("there is no such symbol")));
    for nonsense in ["id=%3Cb%3E", "id=", "id=0123456789ABCDEF"] {
        assert_eq!(site.get(&format!("/events?{nonsense}"), "Host: localhost\r\n").0, 404, "{nonsense}");
    }
}

#[test]
fn a_page_too_many_waits_until_another_is_closed() {
    let server = Server::start();
    for n in 0..17 {
        add_events(&mut server.connect(), format!("liq:{{S{n:02}}}").as_bytes(), 5);
    }
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let mut links: Vec<String> = (0..17).map(|n| site.link_to(&format!("S{n:02}"))).collect();
    let last = links.pop().unwrap();
    let live = |link: &String| site.live(&link.replace("/symbol", "/events"));
    let mut open: Vec<_> = links.iter().map(live).collect();
    assert!(open.iter_mut().all(|contents| contents.any(|content| content.contains("<svg"))));
    let mut contents = live(&last);
    assert!(contents.next().unwrap().contains("too many symbols are open"));
    open.pop();
    assert!(contents.any(|content| content.contains("<svg")));
}

#[test]
fn the_page_of_a_symbol_that_cannot_be_read_says_why() {
    let server = stocked_server(&[]);
    let other = relay(&server, &[], &[("retention\r\n", "retentiom\r\n")]);
    let site = Site::open(&other, "127.0.0.1:0", &[]);
    let link = site.link_to("BTCUSDT");
    let page = site.page(&link);
    assert!(page.contains("the reply is of another version") && !page.contains("it is being read"), "{page}");
}
