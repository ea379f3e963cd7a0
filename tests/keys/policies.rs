//! Setting, listing and refusing policies, by KEYS.POLICY and by the parameter they live in.

use crate::support::server::wait_until;
use crate::support::{Client, Options, Server};

pub const PARAMETER: &str = "liq.key-policies";

#[track_caller]
pub fn policies(client: &mut Client) -> String {
    client.call(&["CONFIG", "GET", PARAMETER]).array()[1].text()
}

#[test]
fn a_policy_is_set_listed_replaced_and_removed() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("KEYS.POLICY SET market: TTL 30s MAXTTL 3h APPLY").ok();
    client.run("KEYS.POLICY SET session: TYPE hash TTL 24h MAXBYTES 64kb IDLE 7d").ok();
    client.run("keys.policy set \"\" maxitems 10").ok();
    let list = client.run("KEYS.POLICY LIST");
    let of = |place: usize, name: &str| list.array()[place].field(name).clone();
    assert_eq!(list.array().len(), 3);
    assert_eq!([of(0, "prefix").text(), of(1, "prefix").text(), of(2, "prefix").text()], ["", "market:", "session:"]);
    assert_eq!(of(1, "rules").field("MAXTTL").text(), "3h");
    assert_eq!(of(2, "rules").field_names(), ["TTL", "TYPE", "MAXBYTES", "IDLE"]);
    assert_eq!((of(1, "apply").bool(), of(2, "apply").bool()), (true, false));
    client.run("KEYS.POLICY SET market: IDLE 1h").ok();
    assert_eq!(
        policies(&mut client),
        "'' MAXITEMS 10; market: IDLE 1h; session: TTL 1d TYPE hash MAXBYTES 64kb IDLE 7d"
    );
    assert_eq!(client.run("KEYS.POLICY DEL market:").int(), 1);
    assert_eq!(client.run("KEYS.POLICY DEL market:").int(), 0);
    assert_eq!(client.run("KEYS.POLICY LIST").array().len(), 2);
}

#[test]
fn a_refused_policy_changes_nothing_and_names_what_is_wrong() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("KEYS.POLICY SET a TTL 1s").ok();
    let long = "p".repeat(65);
    let cases = [
        ("KEYS.POLICY", "ERR wrong number of arguments for 'keys.policy' command"),
        ("KEYS.POLICY SET a", "ERR wrong number of arguments for 'keys.policy' command"),
        ("KEYS.POLICY GET a", "ERR subcommand: must be SET, DEL or LIST, got 'GET'"),
        ("KEYS.POLICY SET a TTL 0", "ERR TTL: must be 1ms to 3660d, got '0'"),
        ("KEYS.POLICY SET a TTL 400d MAXTTL 1d", "ERR TTL: must not be above MAXTTL 1d, got '400d'"),
        ("KEYS.POLICY SET a TTL NONE MAXTTL 1d", "ERR MAXTTL: has no meaning beside TTL NONE, got '1d'"),
        ("KEYS.POLICY SET a IDLE 1d APPLY", "ERR APPLY: needs a TTL or MAXTTL to apply, got 'APPLY'"),
        (
            "KEYS.POLICY SET \"a b\" TTL 1s",
            "ERR prefix: only printable ASCII without blanks, quotes, backslash and ';', got 'a b'",
        ),
        (
            &format!("KEYS.POLICY SET {long} TTL 1s"),
            &format!("ERR prefix: longer than 64 bytes, got '{}...'", "p".repeat(64)),
        ),
        (
            "KEYS.POLICY SET a TYPE jason",
            "ERR TYPE: no type, neither of the server's nor of a module's nine letters, got 'jason'",
        ),
    ];
    for (line, error) in cases {
        assert_eq!(client.run(line).error(), error, "{line}");
    }
    for (text, problem) in [
        ("a TTL 2s; b TTL", "item 2: TTL: needs a value, got ''"),
        ("a TTL 2s; a TTL 3s", "item 2: prefix: given more than once, got 'a'"),
        ("a TTL 2s; b", "item 2: rule: a policy needs at least one, got ''"),
    ] {
        let refused = client.call(&["CONFIG", "SET", PARAMETER, text]);
        assert!(refused.error().ends_with(problem), "{refused:?}");
    }
    assert_eq!(policies(&mut client), "a TTL 1s");
    for place in 1..64 {
        client.run(&format!("KEYS.POLICY SET p{place} TTL 1s")).ok();
    }
    assert_eq!(client.run("KEYS.POLICY SET q TTL 1s").error(), "ERR prefix: a server has at most 64 policies, got 'q'");
    client.run("KEYS.POLICY SET p63 TTL 2s").ok();
}

#[test]
fn policies_come_from_redis_conf_and_survive_config_rewrite() {
    let text = r#"market: TTL 30s APPLY; \"\" IDLE 7d"#;
    let mut server = Options::default().line(format!("{PARAMETER} \"{text}\"")).start();
    let mut client = server.connect();
    assert_eq!(policies(&mut client), "'' IDLE 7d; market: TTL 30s APPLY");
    client.run("SET market:a 1").ok();
    assert!((1..=30_000).contains(&client.run("PTTL market:a").int()));
    client.run("KEYS.POLICY SET perf: TTL 5s APPLY").ok();
    client.run("CONFIG REWRITE").ok();
    drop(client);
    let rewritten = std::fs::read_to_string(server.dir().join("redis.conf")).unwrap();
    let line = rewritten.lines().find(|line| line.starts_with(PARAMETER)).unwrap().to_owned();
    server.add_line(line);
    server.restart();
    assert_eq!(policies(&mut server.connect()), "'' IDLE 7d; market: TTL 30s APPLY; perf: TTL 5s APPLY");
}

#[test]
fn flushall_takes_keys_and_leaves_policies() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("KEYS.POLICY SET a TTL 30s APPLY").ok();
    client.run("FLUSHALL").ok();
    assert_eq!(policies(&mut client), "a TTL 30s APPLY");
    client.run("SET a 1").ok();
    assert!(client.run("PTTL a").int() > 0);
}

#[test]
fn what_happens_to_the_keys_of_a_policy_is_counted() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("KEYS.POLICY SET a: TTL 30s MAXTTL 1m APPLY").ok();
    client.run("KEYS.POLICY SET b: TTL 1h").ok();
    client.run("SET a:1 x").ok();
    client.run("SET a:2 x EX 1000").ok();
    client.run("GET a:1");
    client.run("GET a:3");
    client.run("GET b:3");
    client.run("GET c:3");
    client.run("SET b:1 x PX 1").ok();
    wait_until("the key expires", || client.run("EXISTS b:1").int() == 0);
    let counts = |client: &mut Client, place: usize| {
        let list = client.run("KEYS.POLICY LIST");
        ["given", "shortened", "misses", "expired"].map(|name| list.array()[place].field(name).int())
    };
    assert_eq!(counts(&mut client, 0), [1, 1, 1, 0]);
    let [given, shortened, misses, expired] = counts(&mut client, 1);
    // EXISTS counts its misses on some servers.
    assert!((given, shortened, expired) == (0, 0, 1) && misses >= 1, "{misses}");
    // Counts stay with their prefix when others come and go.
    client.run("KEYS.POLICY SET a: TTL 20s APPLY").ok();
    client.run("KEYS.POLICY SET 0: TTL 20s").ok();
    client.run("KEYS.POLICY DEL b:");
    assert_eq!(counts(&mut client, 1), [1, 1, 1, 0]);
    assert_eq!(client.info("liq_key_policies"), "2");
    assert_eq!((client.info("liq_key_ttl_given"), client.info("liq_key_ttl_shortened")), ("1".into(), "1".into()));
    assert!(client.info("liq_key_policy_1").starts_with("prefix=a:,misses=1,expired=0,evicted=0"));
}
