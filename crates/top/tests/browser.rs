//! The pages of `liq-top --web` in a browser, against a real server. Skipped, with a word, where there is no Chromium.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use liq_sample::DOZEN;
use serde_json::json;
use support::browser::Browser;
use support::site::Site;
use support::{HOSTILE, Server, add_events, audit, stocked_server, untidy_server, wait_until};

/// Set in a page once: gone when the page was loaded again.
const MARK: &str = "window.mark = 1; return true";
/// The row of a symbol, as its cells' texts; null without one.
const ROW: &str = "const row = [...document.querySelectorAll('tbody tr')].find((row) => row.cells[0].innerText === SYMBOL); \
                   return row ? [...row.cells].map((cell) => cell.innerText) : null";

fn row(browser: &Browser, symbol: &str) -> Vec<String> {
    let cells = browser.run(&ROW.replace("SYMBOL", &json!(symbol).to_string()));
    cells.as_array().into_iter().flatten().map(|cell| cell.as_str().unwrap().to_owned()).collect()
}

#[test]
fn pages_are_live_without_being_loaded_again() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let Some(browser) = Browser::open() else { return };
    browser.go(&site.url);
    browser.wait_for("all symbols are there", "return document.body.innerText.includes('SOLUSDT')");
    assert_eq!(row(&browser, "BTCUSDT")[1], "121");
    let text = browser.text();
    for part in ["large liquidations", "liquidation_long", "61755.7", "93 %"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("no server"), "{text}");
    browser.run(MARK);
    add_events(&mut server.connect(), b"liq:{FRESH}", 5);
    browser.wait_for("a new symbol comes by itself", "return document.body.innerText.includes('FRESH')");
    assert_eq!(browser.run("return window.mark"), 1, "the page was not loaded again");

    // The page of one: read since it is open, and its picture is within the window.
    browser.click("tbody a", Duration::ZERO);
    browser.wait_for("the symbol is drawn", "return document.querySelectorAll('svg circle').length === 121");
    browser.run(MARK);
    assert_eq!(browser.run("return document.title"), "BTCUSDT - liq-top");
    assert!(!row(&browser, "BYBIT").is_empty(), "venues: {}", browser.text());
    for width in [400, 1200] {
        browser.resize(width, 900);
        browser.wait_for(
            "the picture fits the window",
            "const box = document.querySelector('svg').getBoundingClientRect(); \
             return box.width > 200 && box.right <= window.innerWidth",
        );
    }
    server.connect().run("LIQ.ADD liq:{BTCUSDT} * buy 99 7000 EXCHANGE GATE");
    browser.wait_for(
        "its picture moves too",
        "return document.querySelectorAll('svg circle').length === 122 && document.body.innerText.includes('GATE')",
    );
    assert_eq!(browser.run("return window.mark"), 1, "the page was not loaded again");
    server.connect().run("DEL liq:{BTCUSDT}");
    browser.wait_for("it says what became of it", "return document.body.innerText.includes('the series is gone')");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn two_hours_of_a_market_pass_in_seconds() {
    let server = Server::with(&["notify-keyspace-events Engxe"]);
    let mut client = server.connect();
    let site = Site::open(&server.url(), "127.0.0.1:0", &["--window", "4h"]);
    let Some(browser) = Browser::open() else { return };
    let now_ms = client.time_ms();
    let start_ms = now_ms - 7_200_000;
    let feed = liq_sample::market(&DOZEN, 11, start_ms, 7_200_000);
    let of = |symbol: &str| feed.iter().filter(|(contract, _)| contract.symbol == symbol).count();
    assert!(feed.len() > 5_000 && DOZEN.iter().all(|contract| of(contract.symbol) > 0), "{}", feed.len());
    browser.go(&site.url);
    browser.run(MARK);
    let (mut sent, mut seen) = (0, 0);
    // A minute at a time, as fast as the server takes them, while the page is read.
    for minute in 0..120 {
        let end_ms = start_ms + (minute + 1) * 60_000;
        let lines: Vec<String> = feed[sent..]
            .iter()
            .take_while(|(_, event)| event.ts_ms < end_ms)
            .map(|(contract, event)| {
                let symbol = contract.symbol;
                format!("LIQ.ADD liq:{{{symbol}}} {} {} {} {}", event.ts_ms, event.side, event.price, event.size)
            })
            .collect();
        sent += lines.len();
        client.pipeline(&lines);
        if minute % 10 == 9 {
            let shown = browser.run(
                "return [...document.querySelectorAll('main > table tbody td:nth-child(2)')] \
                 .reduce((sum, cell) => sum + Number(cell.innerText), 0)",
            );
            let shown = shown.as_u64().unwrap() as usize;
            assert!((seen..=sent).contains(&shown), "{shown} events after {seen} were seen and {sent} sent");
            seen = shown;
        }
    }
    assert_eq!(sent, feed.len());
    for contract in DOZEN {
        let count = of(contract.symbol).to_string();
        wait_until(&format!("{} has {count} events", contract.symbol), || {
            row(&browser, contract.symbol).get(1) == Some(&count)
        });
    }
    let parts = browser.run("return document.getElementsByTagName('*').length").as_u64().unwrap();
    assert!(parts < 2_000, "what is old does not stay in the page: {parts}");
    assert_eq!(browser.run("return window.mark"), 1);
    browser.click("tbody a", Duration::ZERO);
    browser.wait_for("the newest events are drawn", "return document.querySelectorAll('svg circle').length === 300");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn light_and_dark_can_be_read() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let Some(browser) = Browser::open() else { return };
    // Contrast as https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio has it, of every text against the page's ground.
    let worst = "const parts = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number); \
                 const light = (text) => { const [r, g, b] = parts(text).map((part) => { const c = part / 255; \
                   return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); \
                   return 0.2126 * r + 0.7152 * g + 0.0722 * b; }; \
                 const ground = light(getComputedStyle(document.body).backgroundColor); \
                 const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); \
                 const texts = [...document.querySelectorAll('body *')].filter((one) => one.innerText); \
                 return Math.min(...texts.map((one) => ratio(light(getComputedStyle(one).color), ground)))";
    let mut pictures = Vec::new();
    for scheme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.tool("Emulation.setEmulatedMedia", &features);
        browser.go(&site.url);
        browser.wait_for("all symbols are there", "return document.body.innerText.includes('SOLUSDT')");
        let contrast = browser.run(worst).as_f64().unwrap();
        assert!(contrast >= 4.5, "{scheme}: {contrast}");
        let ground = browser.run("return getComputedStyle(document.body).backgroundColor");
        assert_eq!(ground == "rgb(255, 255, 255)", scheme == "light", "{ground}");
        pictures.push(browser.screenshot());
        browser.click("tbody a", Duration::ZERO);
        browser.wait_for("the symbol is drawn", "return document.querySelectorAll('svg circle').length === 121");
        let contrast = browser.run(worst).as_f64().unwrap();
        assert!(contrast >= 4.5, "{scheme}: {contrast}");
        pictures.push(browser.screenshot());
    }
    assert!(pictures.iter().all(|picture| picture.starts_with("iVBORw0KGgo")), "PNG begins so");
    assert!(pictures[0] != pictures[2] && pictures[1] != pictures[3], "light and dark look different");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn nothing_of_a_name_is_run() {
    let server = Server::with(&["notify-keyspace-events Engxe"]);
    let mut client = server.connect();
    let evil = "<img src=x onerror=window.owned=1>\"><svg onload=window.owned=1><script>window.owned=1</script>\
                <a href=javascript:window.owned=1>";
    let wrapped = format!("liq:{{{evil}}}");
    let huge = format!("liq:{{{}}}", "<script>alert(1)</script>".repeat(2_600));
    let names: Vec<&[u8]> = HOSTILE.iter().copied().chain([wrapped.as_bytes(), huge.as_bytes()]).collect();
    // Signals are what anybody may write into the stream.
    client.call(&["LIQ.CREATE", &wrapped, "SIGNALS", evil]).ok();
    let fields = ["symbol", "side", "entry_reason", "price", "exchange"].into_iter().flat_map(|field| [field, evil]);
    client.call(&["XADD", evil, "*"].into_iter().chain(fields).collect::<Vec<_>>());
    for name in &names {
        add_events(&mut client, name, 10);
        let venue: &[u8] = b"<img/src=x/onerror=owned=1>";
        client.call(&[b"LIQ.ADD".as_slice(), name, b"*", b"sell", b"100", b"2000000", b"EXCHANGE", venue]);
    }
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let Some(browser) = Browser::open() else { return };
    browser.go(&site.url);
    browser.wait_for(
        "all names are there",
        &format!("return document.querySelectorAll('main > table tbody tr').length === {}", names.len()),
    );
    browser.wait_for("the signal is there", "return document.body.innerText.split('<img').length > 5");
    let check = |browser: &Browser| {
        let harm = "return document.querySelectorAll('main :is(script, img, iframe, object, style, form, [onerror], [onload])') \
                    .length + [...document.links].filter((link) => link.protocol !== 'http:' || link.host !== location.host).length \
                    + (window.owned ? 1 : 0)";
        assert_eq!(browser.run(harm), 0, "{}", browser.text());
        assert!(!browser.has_dialogue());
    };
    check(&browser);
    let links = browser.run("return [...document.querySelectorAll('main > table a')].map((link) => link.href)");
    assert_eq!(links.as_array().unwrap().len(), names.len());
    for link in links.as_array().unwrap() {
        browser.go(link.as_str().unwrap());
        browser.wait_for("it is drawn", "return document.querySelectorAll('svg circle').length === 11");
        check(&browser);
    }
    assert_eq!(browser.complaints(), [""; 0], "nothing had to be refused either");
}

#[test]
fn what_a_person_does_is_not_undone() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let Some(browser) = Browser::open() else { return };
    browser.go(&site.url);
    browser.wait_for("all symbols are there", "return document.body.innerText.includes('SOLUSDT')");
    // Counts what comes from the program, whether it is shown or not.
    browser.run("window.came = 0; events.addEventListener('view', () => { window.came += 1; })");
    let come = |count: u32| {
        browser.run(&format!("window.wanted = window.came + {count}"));
        browser.wait_for("pictures come", "return window.came >= window.wanted");
    };
    // The keyboard's link stays the keyboard's.
    browser.run("document.querySelectorAll('main > table a')[1].focus()");
    come(3);
    assert_eq!(browser.run("return document.activeElement.innerText"), "ETHUSDT");
    // Marked text stays marked, and that the page waits is said; then it goes on.
    browser.run("getSelection().selectAllChildren(document.querySelector('main > table tbody tr'))");
    add_events(&mut server.connect(), b"liq:{FRESH}", 5);
    come(5);
    assert!(browser.run("return getSelection().toString()").as_str().unwrap().contains("BTCUSDT"));
    assert!(browser.text().contains("it waits while text is marked") && !browser.text().contains("FRESH"));
    browser.run("getSelection().removeAllRanges()");
    browser.wait_for("it goes on", "return document.body.innerText.includes('FRESH') && held.hidden");
    // A slow hand opens the link that it pressed.
    browser.click("main > table a", Duration::from_millis(700));
    browser.wait_for("the symbol is open", "return document.title.startsWith('BTCUSDT')");
    assert_eq!(browser.complaints(), [""; 0]);
}

/// A page that is marked shows what comes once liq-top is back at this address, without being loaded again.
#[track_caller]
fn assert_goes_on(browser: &Browser, server: &Server, address: &str) {
    let _site = Site::open(&server.url(), address, &[]);
    add_events(&mut server.connect(), b"liq:{FRESH}", 5);
    browser.wait_for("it goes on", "return gone.hidden && document.body.innerText.includes('FRESH')");
    assert_eq!(browser.run("return window.mark"), 1, "the page was not loaded again");
}

#[test]
fn a_page_says_when_liq_top_is_gone_and_goes_on_when_it_is_back() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let Some(browser) = Browser::open() else { return };
    browser.go(&site.url);
    browser.wait_for("all symbols are there", "return document.body.innerText.includes('SOLUSDT') && gone.hidden");
    browser.run(MARK);
    let address = format!("127.0.0.1:{}", site.port);
    drop(site);
    browser.wait_for("it is said", "return !gone.hidden && gone.innerText.includes('what is shown is old')");
    assert!(browser.text().contains("SOLUSDT"), "the last picture stays");
    assert_goes_on(&browser, &server, &address);
}

#[test]
fn the_page_of_one_symbol_goes_on_behind_a_liq_top_that_had_read_nothing_yet() {
    let mut server = stocked_server(&["appendonly yes"]);
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let Some(browser) = Browser::open() else { return };
    let drawn = "return document.querySelectorAll('svg circle').length === 121 && gone.hidden";
    browser.go(&format!("http://127.0.0.1:{}{}", site.port, site.link_to("BTCUSDT")));
    browser.wait_for("the symbol is drawn", drawn);
    browser.run(MARK);
    let address = format!("127.0.0.1:{}", site.port);
    drop(site);
    server.kill();
    browser.wait_for("it is said", "return !gone.hidden");
    let _site = Site::open(&server.url(), &address, &[]);
    let is_away = "return gone.hidden && document.body.innerText.includes('nothing was read yet')";
    browser.wait_for("that the server is away is said in its place", is_away);
    server.start_again();
    browser.wait_for("it goes on", drawn);
    assert_eq!(browser.run("return window.mark"), 1, "the page was not loaded again");
}

/// As a proxy does while liq-top is started again.
#[test]
fn a_page_that_was_refused_asks_again() {
    let server = stocked_server(&[]);
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let Some(browser) = Browser::open() else { return };
    browser.go(&site.url);
    browser.wait_for("all symbols are there", "return document.body.innerText.includes('SOLUSDT') && gone.hidden");
    browser.run(MARK);
    let address = format!("127.0.0.1:{}", site.port);
    drop(site);
    refuse_once(&address);
    browser.wait_for("it is said", "return !gone.hidden");
    assert_goes_on(&browser, &server, &address);
}

/// Answers the next request there with an error.
fn refuse_once(address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    for mut stream in listener.incoming().map_while(Result::ok) {
        // A browser also opens connections that it may need later.
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
            stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            return;
        }
    }
}

#[test]
fn what_keys_are_like_has_a_page_that_is_live() {
    let server = untidy_server();
    let site = Site::open(&server.url(), "127.0.0.1:0", &[]);
    let Some(browser) = Browser::open() else { return };
    browser.go(&site.url);
    browser.click("nav a:last-of-type", Duration::ZERO);
    browser.wait_for("it is said", "return document.body.innerText.includes('no audit yet')");
    browser.run(MARK);
    audit(&mut server.connect());
    browser.wait_for("the report comes by itself", "return document.body.innerText.includes('TTL 2, TYPE 1')");
    assert_eq!(row(&browser, "session:")[5], "TTL 2, TYPE 1");
    assert_eq!(browser.run("return document.querySelectorAll('main :is(script, img)').length"), 0);
    assert_eq!(browser.run("return window.mark"), 1);
    assert_eq!(browser.complaints(), [""; 0]);
}
