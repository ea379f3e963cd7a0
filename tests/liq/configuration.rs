//! Module parameters and the INFO section.

use crate::options::{duration, option};
use crate::support::module::module_path;
use crate::support::oracle::{HOUR, MINUTE};
use crate::support::server::wait_until;
use crate::support::{Client, Options, Reply, Server};

/// Every parameter the contract names, with a value other than the default.
const PARAMETERS: &[(&str, &str)] = &[
    ("retention", "12h"),
    ("window", "6h"),
    ("percentile", "90"),
    ("minevents", "5"),
    ("minsize", "2.5"),
    ("vwapwindow", "30m"),
    ("longoffset", "1.5"),
    ("shortoffset", "0.75"),
    ("precision", "6"),
    ("tail", "512"),
    ("idle", "3d"),
    ("max-future", "10m"),
    ("max-batch", "100"),
    ("signal-max-age", "90s"),
];

/// A parameter's full name: the contract says every default is one but spells only some of them.
fn full_name(known: &[String], name: &str) -> Option<String> {
    let plain = |text: &str| text.replace(['-', '_'], "").to_lowercase();
    known.iter().find(|known| plain(known) == plain(&format!("liq.{name}"))).cloned()
}

fn known_parameters(server: &Server) -> Vec<String> {
    server.connect().run("CONFIG GET liq.*").fields().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn every_default_is_a_parameter_that_can_be_set_and_read() {
    let server = Server::start();
    let known = known_parameters(&server);
    let mut client = server.connect();
    for (name, value) in PARAMETERS {
        let full = full_name(&known, name).unwrap_or_else(|| panic!("no parameter liq.{name} among {known:?}"));
        client.call(&["CONFIG", "SET", &full, value]).ok();
        let read = client.call(&["CONFIG", "GET", &full]);
        assert_eq!(read.array()[1].text(), *value, "{full}");
    }
    client.run("LIQ.CREATE s").ok();
    let info = client.run("LIQ.INFO s");
    for (name, expected) in
        [("retention", 12 * HOUR), ("window", 6 * HOUR), ("vwapwindow", 30 * MINUTE), ("idle", 72 * HOUR)]
    {
        assert_eq!(duration(&option(&info, name)), expected, "{name}");
    }
    for (name, expected) in [
        ("percentile", 90.0),
        ("minevents", 5.0),
        ("minsize", 2.5),
        ("longoffset", 1.5),
        ("shortoffset", 0.75),
        ("precision", 6.0),
        ("tail", 512.0),
    ] {
        assert_eq!(option(&info, name).f64(), expected, "{name}");
    }
}

#[test]
fn parameters_are_bounded() {
    let server = Server::start();
    let known = known_parameters(&server);
    let mut client = server.connect();
    let cases = [
        ("retention", "59s"),
        ("retention", "32d"),
        ("percentile", "101"),
        ("percentile", "-1"),
        ("percentile", "nan"),
        ("precision", "4"),
        ("precision", "9"),
        ("tail", "255"),
        ("tail", "65537"),
        ("longoffset", "inf"),
        ("minsize", "-1"),
        ("max-batch", "0"),
        ("retention", ""),
        ("retention", "1x"),
        ("signal-max-age", "-5s"),
    ];
    for (name, value) in cases {
        let full = full_name(&known, name).unwrap_or_else(|| panic!("no parameter liq.{name}"));
        let before = client.call(&["CONFIG", "GET", &full]);
        let refused = client.call(&["CONFIG", "SET", &full, value]);
        assert!(refused.is_error(), "{full} {value:?}: {refused:?}");
        assert_eq!(client.call(&["CONFIG", "GET", &full]), before, "{full}");
    }
}

#[test]
fn parameters_come_from_redis_conf_and_from_load_arguments() {
    for options in [
        Options::default().line("liq.percentile 91.5").line("liq.retention 48h"),
        Options::default().module_args("liq.percentile 91.5 liq.retention 48h"),
    ] {
        let server = options.start();
        let mut client = server.connect();
        client.run("LIQ.CREATE s").ok();
        let info = client.run("LIQ.INFO s");
        assert_eq!(option(&info, "percentile").f64(), 91.5);
        assert_eq!(duration(&option(&info, "retention")), 48 * HOUR);
    }
}

#[test]
fn a_parameter_survives_config_rewrite() {
    let mut server = Server::start();
    let mut client = server.connect();
    client.run("CONFIG SET liq.percentile 77").ok();
    client.run("CONFIG REWRITE").ok();
    drop(client);
    let rewritten = std::fs::read_to_string(server.dir().join("redis.conf")).unwrap();
    let kept = rewritten.lines().any(|line| line.replace('"', "") == "liq.percentile 77");
    assert!(kept, "{rewritten}");
    server.add_line("liq.percentile 77");
    server.restart();
    assert_eq!(server.connect().run("CONFIG GET liq.percentile").array()[1].text(), "77");
}

#[test]
fn bad_load_arguments_stop_the_start_with_a_clear_line() {
    for args in ["liq.percentile 101", "liq.colour red"] {
        match Options::default().module_args(args).start_refused() {
            Err(log) => assert!(log.contains("Module") || log.contains("module") || log.contains("liq"), "{log}"),
            Ok(_) => panic!("the server started with {args}"),
        }
    }
}

#[test]
fn a_changed_default_leaves_existing_series_alone() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s").ok();
    client.run("CONFIG SET liq.percentile 10").ok();
    assert_eq!(option(&client.run("LIQ.INFO s"), "percentile").f64(), 80.0);
}

#[test]
fn the_info_section_counts_what_happens() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s PERCENTILE 0 SIGNALS out").ok();
    client.run("LIQ.ADD s * buy 100 1000");
    client.run("LIQ.ADD s * sell 50 1000");
    client.run("LIQ.ADD s * sell nan 1000");
    let text = client.run("INFO liq").text();
    assert!(text.starts_with("# liq"), "{text}");
    let numbers: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(n, v)| (n.to_owned(), v.trim().to_owned()))
        .collect();
    for subject in ["add", "accepted", "filtered", "duplicate", "late", "signal", "mode", "panic", "error"] {
        assert!(numbers.iter().any(|(name, _)| name.contains(subject)), "INFO tells nothing of {subject}:\n{text}");
    }
    let value = |subject: &str| -> Vec<&str> {
        numbers.iter().filter(|(name, _)| name.contains(subject)).map(|(_, value)| value.as_str()).collect()
    };
    assert!(value("accepted").contains(&"2"), "{text}");
    assert!(value("panic").iter().all(|count| *count == "0"), "{text}");
    assert!(value("mode").contains(&"normal"), "{text}");
    assert!(!matches!(client.run("INFO everything"), Reply::Error(_)));
}

#[test]
fn a_refused_load_leaves_nothing_behind_in_the_server() {
    let options = Options::default().without_module().line("enable-module-command yes");
    let refused = ["not loaded", "initialization failed"];
    let server = refused.into_iter().fold(options, Options::expect_warning).start();
    let mut client = server.connect();
    let path = module_path().to_str().unwrap();
    let load = |client: &mut Client, args: &[&str]| client.call(&[&["MODULE", "LOAD", path], args].concat());
    for args in [
        ["percentile", "200"].as_slice(),
        &["tail", "512", "percentile"],
        &["tail", "512", "nothing-like-it", "1"],
        &["audit-every", "1m", "percentile", "200"],
        &["key-policies", "app: TTL 1h APPLY", "tail", "1"],
        &["memory-budget", "1mb", "audit-every", "1s"],
    ] {
        assert!(load(&mut client, args).is_error(), "{args:?}");
    }
    // Whatever the module hears of once it is loaded: forks, files, roles, keys, the server's cron and its configuration.
    client.run("BGSAVE");
    server.wait_for_background();
    client.run("SET app:a 1").ok();
    client.run("GET app:missing");
    client.run("CONFIG SET maxmemory 1gb").ok();
    client.run("REPLICAOF NO ONE").ok();
    let up = client.info("uptime_in_seconds");
    wait_until("the server's cron has run", || client.info("uptime_in_seconds") != up);
    assert_eq!(client.run("TTL app:a").int(), -1);

    load(&mut client, &["audit-every", "1h", "key-policies", "app: TTL 1h APPLY"]).ok();
    assert_eq!(client.run("CONFIG GET liq.tail").array()[1].text(), "4096", "what was refused says nothing");
    client.run("SET app:a 1").ok();
    wait_until("the policy acts", || client.run("TTL app:a").int() > 0);
    assert_eq!(client.run("LIQ.ADD s * buy 100 5").field("status").text(), "accepted");
    assert!(client.run("LIQ.ADD s").is_error());
    assert_eq!(client.info("liq_series"), "1");
}
