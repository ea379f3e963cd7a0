//! Bad input: refused with an error that names the argument; nothing changes and no key is left behind.

use crate::support::{Client, Reply, Server};

/// Words that are no number in this grammar.
const NO_NUMBERS: &[&str] = &[
    "nan", "NaN", "inf", "-inf", "+inf", "infinity", "1e999", "-1e999", "0x10", "", " 1", "1 ", "1_000", "1,5",
    "1.5.5", "--1", "+-1", "e5", ".", "-", "abc", "१",
];

/// Runs `args` against a missing key and against a filled series: both refuse, neither changes.
pub struct Checker {
    pub client: Client,
    digest: String,
    dump: Reply,
}

impl Checker {
    pub fn new(server: &Server) -> Self {
        let mut client = server.connect();
        client.run("LIQ.CREATE filled CLOCK EVENT").ok();
        client.run("LIQ.MADD filled BATCH me 5 EVENTS 1700000000000 buy 100 10 1700000000001 sell 101 11");
        let (digest, dump) = (client.digest("filled"), client.run("DUMP filled"));
        Self { client, digest, dump }
    }

    /// `args` with `KEY` where the key goes. The error names `argument` (one of several between bars; anything when
    /// empty), or is about the number of arguments.
    #[track_caller]
    pub fn refuses(&mut self, args: &[&[u8]], argument: Option<&str>) {
        let shown: Vec<String> = args.iter().map(|arg| arg[..arg.len().min(80)].escape_ascii().to_string()).collect();
        for key in ["filled", "missing"] {
            let args: Vec<&[u8]> = args.iter().map(|arg| if *arg == b"KEY" { key.as_bytes() } else { arg }).collect();
            let reply = self.client.call(&args);
            // An empty series has no retention of its own that a window could exceed.
            if key == "missing" && !reply.is_error() && matches!(argument, Some("WINDOW" | "SINCE" | "BUCKET")) {
                continue;
            }
            let Reply::Error(error) = &reply else { panic!("{shown:?} on {key}: {reply:?}") };
            if key == "missing" && error == "ERR no such key" {
                continue;
            }
            let creating = args[0].eq_ignore_ascii_case(b"LIQ.CREATE") && error == "ERR key already exists";
            match argument {
                _ if creating => {}
                Some(name) => {
                    let text = error.strip_prefix("ERR ").unwrap_or_else(|| panic!("{shown:?}: {error}"));
                    let lower = text.to_lowercase();
                    let named = name.split('|').any(|name| lower.contains(&format!("{}: ", name.to_lowercase())));
                    assert!(named && text.contains(", got '"), "{shown:?} should name {name}: {error}");
                }
                None => {
                    let name = String::from_utf8_lossy(args[0]).to_lowercase();
                    assert_eq!(*error, format!("ERR wrong number of arguments for '{name}' command"), "{shown:?}");
                }
            }
            assert!(error.len() < 400, "{shown:?}: an error repeats little of what came: {} bytes", error.len());
        }
        assert_eq!(self.client.run("EXISTS missing").int(), 0, "{shown:?} left a key behind");
        assert_eq!(self.client.digest("filled"), self.digest, "{shown:?} changed the series");
        assert_eq!(self.client.run("DUMP filled"), self.dump, "{shown:?} changed the series' bytes");
    }

    #[track_caller]
    fn refuses_line(&mut self, line: &str, argument: Option<&str>) {
        let words = crate::support::client::words(line);
        let args: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.refuses(&args, argument);
    }
}

#[test]
fn what_is_no_number_is_refused_wherever_a_number_belongs() {
    let server = Server::start();
    let mut checker = Checker::new(&server);
    let places: &[(&str, &str)] = &[
        ("LIQ.ADD KEY ? buy 100 10", "ts"),
        ("LIQ.ADD KEY * buy ? 10", "price"),
        ("LIQ.ADD KEY * buy 100 ?", "size"),
        ("LIQ.ADD KEY * buy 100 10 AT ?", "AT"),
        ("LIQ.MADD KEY EVENTS * buy 100 ?", "size"),
        ("LIQ.MADD KEY BATCH me ? EVENTS * buy 100 10", "BATCH|seq"),
        ("LIQ.CREATE KEY PERCENTILE ?", "PERCENTILE"),
        ("LIQ.CREATE KEY MINEVENTS ?", "MINEVENTS"),
        ("LIQ.CREATE KEY MINSIZE ?", "MINSIZE"),
        ("LIQ.CREATE KEY RETENTION ?", "RETENTION"),
        ("LIQ.CREATE KEY LONGOFFSET ?", "LONGOFFSET"),
        ("LIQ.CREATE KEY SHORTOFFSET ?", "SHORTOFFSET"),
        ("LIQ.CREATE KEY PRECISION ?", "PRECISION"),
        ("LIQ.CREATE KEY TAIL ?", "TAIL"),
        ("LIQ.CREATE KEY IDLE ?", "IDLE"),
        ("LIQ.CREATE KEY SIGNALS out MAXLEN ?", "MAXLEN"),
        ("LIQ.ALTER KEY WINDOW ?", "WINDOW"),
        ("LIQ.ALTER KEY VWAPWINDOW ?", "VWAPWINDOW"),
        ("LIQ.PCTL KEY ?", "p"),
        ("LIQ.PCTL KEY 50 ?", "p"),
        ("LIQ.RANK KEY ?", "size"),
        ("LIQ.PCTL KEY 50 WINDOW ?", "WINDOW"),
        ("LIQ.VWAP KEY SINCE ?", "SINCE"),
        ("LIQ.VWAP KEY BANDS ?", "BANDS"),
        ("LIQ.VWAP KEY PRICE ?", "PRICE"),
        ("LIQ.STATS KEY BUCKET ?", "BUCKET"),
        ("LIQ.STATS KEY AT ?", "AT"),
        ("LIQ.RANGE KEY ? +", "from"),
        ("LIQ.RANGE KEY - ?", "to"),
        ("LIQ.RANGE KEY - + COUNT ?", "COUNT"),
        ("LIQ.RANGE KEY - + MINSIZE ?", "MINSIZE"),
        ("LIQ.DIGEST KEY SIZE ?", "SIZE"),
    ];
    let huge = "1".repeat(100_000);
    for (template, name) in places {
        for bad in NO_NUMBERS.iter().copied().chain([huge.as_str(), "1\0", "\u{1F4A5}"]) {
            // A range may say "-" and "+", and percentiles and sizes end where an option's name begins.
            let is_bound = template.starts_with("LIQ.RANGE") && matches!(bad, "-" | "+");
            if is_bound {
                continue;
            }
            let args: Vec<&[u8]> =
                template.split(' ').map(|word| if word == "?" { bad.as_bytes() } else { word.as_bytes() }).collect();
            checker.refuses(&args, Some(argument_or_option(template, name, bad)));
        }
    }
}

/// Behind the first percentile or size a word is an option, and that is what is wrong with it.
fn argument_or_option<'a>(template: &str, name: &'a str, _bad: &str) -> &'a str {
    if template == "LIQ.PCTL KEY 50 ?" { "" } else { name }
}

#[test]
fn ten_megabytes_of_text_are_refused_too() {
    let server = Server::start();
    let mut checker = Checker::new(&server);
    let text = vec![b'9'; 10 << 20];
    checker.refuses(&[b"LIQ.ADD", b"KEY", b"*", b"buy", b"100", &text], Some("size"));
    checker.refuses(&[b"LIQ.ADD", b"KEY", &text, b"buy", b"100", b"1"], Some("ts"));
    checker.refuses(&[b"LIQ.ADD", b"KEY", b"*", &text, b"100", b"1"], Some("side"));
    checker.refuses(&[b"LIQ.ADD", b"KEY", b"*", b"buy", b"100", b"1", b"EXCHANGE", &text], Some("EXCHANGE"));
    checker.refuses(&[b"LIQ.ADD", b"KEY", b"*", b"buy", b"100", b"1", b"ID", &text], Some("ID"));
    checker.refuses(&[b"LIQ.MADDPACK", b"KEY", &text], Some("payload"));
    checker.refuses(&[b"LIQ.PCTL", b"KEY", &text], Some("p"));
}

#[test]
fn numbers_outside_their_range_are_refused() {
    let server = Server::start();
    let mut checker = Checker::new(&server);
    let cases: &[(&str, &str)] = &[
        ("LIQ.ADD KEY -1 buy 100 10", "ts"),
        ("LIQ.ADD KEY 9007199254740993 buy 100 10", "ts"),
        ("LIQ.ADD KEY 1.5 buy 100 10", "ts"),
        ("LIQ.ADD KEY 99999999999999999999999 buy 100 10", "ts"),
        ("LIQ.ADD KEY * buy 0 10", "price"),
        ("LIQ.ADD KEY * buy -0 10", "price"),
        ("LIQ.ADD KEY * buy -5 10", "price"),
        ("LIQ.ADD KEY * buy 9.9e-13 10", "price"),
        ("LIQ.ADD KEY * buy 1.0000001e15 10", "price"),
        ("LIQ.ADD KEY * buy 100 0", "size"),
        ("LIQ.ADD KEY * buy 100 -0", "size"),
        ("LIQ.ADD KEY * buy 100 -10", "size"),
        ("LIQ.ADD KEY * buy 100 9.9e-10", "size"),
        ("LIQ.ADD KEY * buy 100 1.0000001e15", "size"),
        ("LIQ.CREATE KEY RETENTION 59999", "RETENTION"),
        ("LIQ.CREATE KEY RETENTION 32d", "RETENTION"),
        ("LIQ.CREATE KEY RETENTION 1h WINDOW 2h", "WINDOW"),
        ("LIQ.CREATE KEY RETENTION 1h VWAPWINDOW 2h", "VWAPWINDOW"),
        ("LIQ.CREATE KEY WINDOW 0", "WINDOW"),
        ("LIQ.CREATE KEY PERCENTILE 100.1", "PERCENTILE"),
        ("LIQ.CREATE KEY PERCENTILE -1", "PERCENTILE"),
        ("LIQ.CREATE KEY PERCENTILE 50.1234567", "PERCENTILE"),
        ("LIQ.CREATE KEY MINEVENTS -1", "MINEVENTS"),
        ("LIQ.CREATE KEY MINSIZE -1", "MINSIZE"),
        ("LIQ.CREATE KEY PRECISION 4", "PRECISION"),
        ("LIQ.CREATE KEY PRECISION 9", "PRECISION"),
        ("LIQ.CREATE KEY TAIL 255", "TAIL"),
        ("LIQ.CREATE KEY TAIL 65537", "TAIL"),
        ("LIQ.CREATE KEY CLOCK LOCAL", "CLOCK"),
        ("LIQ.ALTER KEY RETENTION 1s", "RETENTION"),
        ("LIQ.ALTER KEY PERCENTILE 101", "PERCENTILE"),
        ("LIQ.ALTER KEY TAIL 1", "TAIL"),
        ("LIQ.PCTL KEY 100.000001", "p"),
        ("LIQ.PCTL KEY -0.5", "p"),
        ("LIQ.PCTL KEY 50.1234567", "p"),
        ("LIQ.PCTL KEY 50 WINDOW 0", "WINDOW"),
        ("LIQ.PCTL KEY 50 WINDOW 25h", "WINDOW"),
        ("LIQ.PCTL KEY 50 WINDOW -5m", "WINDOW"),
        ("LIQ.RANK KEY -1", "size"),
        ("LIQ.VWAP KEY PRICE 0", "PRICE"),
        ("LIQ.VWAP KEY BANDS -1", "BANDS"),
        ("LIQ.STATS KEY AT 9007199254740993", "AT"),
        ("LIQ.RANGE KEY - + COUNT -1", "COUNT"),
        ("LIQ.DIGEST KEY SIZE 19", "SIZE"),
        ("LIQ.DIGEST KEY SIZE 1001", "SIZE"),
        ("LIQ.MADD KEY BATCH me -1 EVENTS * buy 100 10", "BATCH|seq"),
        ("LIQ.MADD KEY BATCH me 9223372036854775808 EVENTS * buy 100 10", "BATCH|seq"),
    ];
    for (line, name) in cases {
        checker.refuses_line(line, Some(name));
    }
}

#[test]
fn words_that_are_no_choice_are_refused() {
    let server = Server::start();
    let mut checker = Checker::new(&server);
    let long_name = "x".repeat(33);
    let long_id = "x".repeat(65);
    let cases: Vec<(String, &str)> = vec![
        ("LIQ.ADD KEY * buys 100 10".into(), "side"),
        ("LIQ.ADD KEY * \"\" 100 10".into(), "side"),
        ("LIQ.ADD KEY * buy 100 10 EXCHANGE \"\"".into(), "EXCHANGE"),
        (format!("LIQ.ADD KEY * buy 100 10 EXCHANGE {long_name}"), "EXCHANGE"),
        ("LIQ.ADD KEY * buy 100 10 EXCHANGE a\u{1}b".into(), "EXCHANGE"),
        (format!("LIQ.ADD KEY * buy 100 10 ID {long_id}"), "ID"),
        (format!("LIQ.MADD KEY BATCH {long_id} 5 EVENTS * buy 100 10"), "BATCH|producer"),
        (format!("LIQ.MADD KEY EXCHANGE {long_name} EVENTS * buy 100 10"), "EXCHANGE"),
        (format!("LIQ.MADD KEY IDS EVENTS * buy 100 10 {long_id}"), "id"),
        ("LIQ.PCTL KEY 50 SIDE up".into(), "SIDE"),
        ("LIQ.STATS KEY BY VENUE".into(), "BY"),
        ("LIQ.ADD KEY * buy 100 10 COLOUR red".into(), "option"),
        ("LIQ.CREATE KEY COLOUR red".into(), "option"),
        ("LIQ.ALTER KEY COLOUR red".into(), "option"),
        ("LIQ.VWAP KEY COLOUR red".into(), "option"),
        ("LIQ.STATS KEY extra".into(), "option"),
        ("LIQ.RANGE KEY - + COLOUR".into(), "option"),
        ("LIQ.HIST KEY COLOUR".into(), "option"),
        ("LIQ.DIGEST KEY COLOUR".into(), "option"),
    ];
    for (line, name) in &cases {
        checker.refuses_line(line, Some(name));
    }
}

#[test]
fn repeated_and_conflicting_options_are_refused() {
    let server = Server::start();
    let mut checker = Checker::new(&server);
    let cases = [
        ("LIQ.ADD KEY * buy 100 10 ID a ID b", "ID"),
        ("LIQ.ADD KEY * buy 100 10 EXCHANGE a EXCHANGE a", "EXCHANGE"),
        ("LIQ.CREATE KEY TAIL 256 TAIL 300", "TAIL"),
        ("LIQ.CREATE KEY tail 256 TAIL 256", "TAIL"),
        ("LIQ.ALTER KEY PERCENTILE 5 PERCENTILE 5", "PERCENTILE"),
        ("LIQ.PCTL KEY 50 WINDOW 1m WINDOW 1m", "WINDOW"),
        ("LIQ.VWAP KEY AT 5 AT 6", "AT"),
        ("LIQ.VWAP KEY WINDOW 1m SINCE 5", "SINCE"),
        ("LIQ.VWAP KEY SINCE 5 WINDOW 1m", "WINDOW"),
        ("LIQ.RANGE KEY - + REV REV", "REV"),
        ("LIQ.MADD KEY BATCH a 1 BATCH a 2 EVENTS * buy 100 10", "BATCH|seq"),
    ];
    for (line, name) in cases {
        // Two options that exclude each other: the error names either.
        let name = if line.contains("SINCE") { "" } else { name };
        checker.refuses_line(line, Some(name));
    }
}

#[test]
fn a_wrong_number_of_arguments_is_told_in_redis_words() {
    let server = Server::start();
    let mut checker = Checker::new(&server);
    let lines = [
        "LIQ.CREATE",
        "LIQ.ALTER",
        "LIQ.ADD",
        "LIQ.ADD KEY",
        "LIQ.ADD KEY * buy 100",
        "LIQ.MADD KEY",
        "LIQ.MADDPACK KEY",
        "LIQ.PCTL",
        "LIQ.PCTL KEY",
        "LIQ.RANK KEY",
        "LIQ.VWAP",
        "LIQ.STATS",
        "LIQ.RANGE KEY",
        "LIQ.RANGE KEY -",
        "LIQ.HIST",
        "LIQ.DIGEST",
        "LIQ.INFO",
        "LIQ.INFO KEY extra",
        "LIQ.RESET",
        "LIQ.RESET KEY extra",
    ];
    for line in lines {
        checker.refuses_line(line, None);
    }
}

#[test]
fn one_wrong_item_refuses_the_whole_batch_and_is_named() {
    let server = Server::start();
    let mut checker = Checker::new(&server);
    let good = "* buy 100 10";
    for (bad, name) in
        [("* buy 0 10", "price"), ("* up 100 10", "side"), ("x buy 100 10", "ts"), ("* buy 100 nan", "size")]
    {
        checker.refuses_line(
            &format!("LIQ.MADD KEY BATCH me 9 EVENTS {good} {good} {bad} {good}"),
            Some(&format!("item 3: {name}")),
        );
    }
    for line in [
        "LIQ.MADD KEY EVENTS",
        "LIQ.MADD KEY EVENTS * buy 100",
        "LIQ.MADD KEY IDS EVENTS * buy 100 10",
        "LIQ.MADD KEY EXCHANGE okx",
    ] {
        let words = crate::support::client::words(&line.replace("KEY", "missing"));
        let reply = checker.client.call(&words);
        assert!(reply.error().starts_with("ERR "), "{line}: {reply:?}");
        assert_eq!(checker.client.run("EXISTS missing").int(), 0);
    }
}

#[test]
fn a_key_of_another_type_is_refused_by_every_command() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("SET text 1").ok();
    let lines = [
        "LIQ.ADD text * buy 100 10",
        "LIQ.MADD text EVENTS * buy 100 10",
        "LIQ.MADDPACK text \u{0}",
        "LIQ.ALTER text PERCENTILE 5",
        "LIQ.PCTL text 50",
        "LIQ.RANK text 50",
        "LIQ.VWAP text",
        "LIQ.STATS text",
        "LIQ.RANGE text - +",
        "LIQ.HIST text",
        "LIQ.DIGEST text",
        "LIQ.INFO text",
        "LIQ.RESET text",
    ];
    for line in lines {
        let reply = if line.contains('\0') {
            // An empty packed batch is well formed: what is wrong is the key.
            client.call(&[b"LIQ.MADDPACK".as_slice(), b"text", &[0x91, 0x94, 0xc0, 0x00, 0x01, 0x01]])
        } else {
            client.run(line)
        };
        assert_eq!(reply.error(), "WRONGTYPE Operation against a key holding the wrong kind of value", "{line}");
    }
    assert_eq!(client.run("GET text").text(), "1");
    client.run("LIQ.CREATE s").ok();
    assert!(client.run("GET s").error().starts_with("WRONGTYPE "));
}

#[test]
fn an_error_repeats_little_and_escapes_it() {
    let server = Server::start();
    let mut client = server.connect();
    let reply = client.call(&[b"LIQ.ADD".as_slice(), b"s", b"*", b"buy", b"1\r\n\x00'\xff", b"10"]);
    let error = reply.error();
    assert!(error.starts_with("ERR price: ") && error.contains(r"1\r\n\x00") && error.is_ascii(), "{error}");
    let long = "z".repeat(200);
    let reply = client.call(&["LIQ.ADD", "s", "*", "buy", &long, "10"]);
    assert!(reply.error().contains(&"z".repeat(64)) && !reply.error().contains(&"z".repeat(65)), "{reply:?}");
}
