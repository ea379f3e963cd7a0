//! Code and server agree: the policies that the code tells are accepted, the shipped ones allow what the code writes, and
//! an audit finds no key of the desk without a policy, none that breaks one, and none that stays for ever but a queue's.

use std::time::Duration;

use liq_harness::{Client, Options, Reply, Server, wait_until};
use redis_liq_desk::queue::{Job, Lease, Outcome, Worker};
use redis_liq_desk::sessions::Sessions;
use redis_liq_desk::{Cache, Link, Queue, Space};

use crate::{HOUR, until};

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/keys-in-order.md");
const DAY: Duration = Duration::from_secs(86_400);

/// The classes of values that the guide to caching names: space, fresh and stale, seconds.
const CLASSES: [(&str, u64, u64); 9] = [
    ("market:ticker", 2, 10),
    ("market:book", 2, 10),
    ("market:summary", 30, 60),
    ("cache:sizing", 60, 300),
    ("cache:sentiment", 60, 300),
    ("cache:analysis", 300, 3600),
    ("cache:onchain", 300, 3600),
    ("candle", 3 * 3600, 3 * 3600),
    ("cache:backtest", 86_400, 0),
];

/// The policy line that is shipped.
fn shipped() -> String {
    let guide = std::fs::read_to_string(GUIDE).unwrap();
    guide.lines().find(|line| line.starts_with("liq.key-policies")).expect("the guide shows the line").to_owned()
}

/// A policy: its prefix, the types it allows, and the longest expiry in ms, 0 for any.
#[derive(Debug)]
struct Policy {
    prefix: String,
    types: Vec<String>,
    longest_ms: u64,
}

impl Policy {
    fn read(text: &str) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        let after = |name: &str| words.iter().position(|word| *word == name).map(|place| words[place + 1]);
        Self {
            prefix: words[0].to_owned(),
            types: after("TYPE").map_or(Vec::new(), |types| types.split(',').map(str::to_owned).collect()),
            longest_ms: after("MAXTTL").map_or(0, millis),
        }
    }

    /// Whether every key that `own` describes may be there under this one.
    fn allows(&self, own: &Self) -> bool {
        let types = self.types.is_empty() || own.types.iter().all(|own| self.types.contains(own));
        types && (self.longest_ms == 0 || (1..=self.longest_ms).contains(&own.longest_ms))
    }
}

fn millis(text: &str) -> u64 {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        other => panic!("{other}"),
    };
    digits.parse::<u64>().unwrap() * unit
}

fn cache(link: &Link, (space, fresh, stale): (&'static str, u64, u64)) -> Cache<u64> {
    let [fresh, stale] = [fresh, stale].map(Duration::from_secs);
    Cache::<u64>::builder(Space::new(space)).fresh(fresh).stale(stale).build(link).unwrap()
}

/// Every policy line that the code tells.
fn told(link: &Link) -> Vec<String> {
    let sessions: Sessions<u64> = Sessions::new(link, Space::new("session"), DAY).unwrap();
    let mut told: Vec<String> = CLASSES.iter().map(|class| cache(link, *class).policy()).collect();
    told.push(Queue::<u64>::builder("orders").build::<u64>(link).unwrap().policy());
    told.extend(sessions.policy().lines().map(str::to_owned));
    told
}

#[test]
fn the_shipped_policies_allow_what_the_code_tells() {
    let link = Link::open("redis://127.0.0.1:1/").unwrap();
    let line = shipped();
    let shipped: Vec<Policy> =
        line.split('"').nth(1).unwrap().split(';').map(|text| Policy::read(text.trim())).collect();
    for line in told(&link) {
        let own = Policy::read(line.strip_prefix("KEYS.POLICY SET ").unwrap());
        let rules = shipped.iter().filter(|policy| own.prefix.starts_with(&policy.prefix));
        let rule = rules.max_by_key(|policy| policy.prefix.len()).unwrap_or_else(|| panic!("nothing rules {own:?}"));
        assert!(rule.allows(&own), "{rule:?} does not allow {own:?}");
    }
}

#[test]
fn the_guide_to_caching_names_the_classes() {
    let guide = std::fs::read_to_string(GUIDE.replace("keys-in-order", "caching")).unwrap();
    for (space, ..) in CLASSES {
        assert!(guide.contains(&format!("`{space}`")), "{space}");
    }
}

fn audit(client: &mut Client) -> Reply {
    client.run("KEYS.AUDIT START BUDGET 50").ok();
    wait_until("the audit ends", || client.run("KEYS.AUDIT STATUS").field("state").text() == "idle");
    client.run("KEYS.AUDIT REPORT BY no_ttl")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_finds_every_key_of_the_desk_in_order() {
    let line = shipped();
    for lines in [vec![line.as_str()], vec![]] {
        let server = Options::default().lines(&lines).start();
        let link = Link::open_with(&server.url(), Duration::from_secs(30), 3).unwrap();
        let mut client = server.connect();
        if lines.is_empty() {
            told(&link).iter().for_each(|line| client.run(line).ok());
        }
        fill(&server, &link).await;
        let report = audit(&mut client);
        assert!(report.field("keys").int() > 20, "{report:?}");
        assert_eq!((report.field("unregistered").int(), report.field("broken").int()), (0, 0), "{report:?}");
        for row in report.field("rows").array() {
            let (prefix, stays) = (row.field("prefix").text(), row.field("no_ttl").int());
            assert!(stays == 0 || prefix.starts_with("{q:"), "{prefix}: {stays} keys for ever");
        }
        assert_eq!(client.info("liq_key_ttl_shortened"), "0", "the server found nothing to mend");
    }
}

/// Keys of every kind that the desk writes, locks and pauses too.
async fn fill(server: &Server, link: &Link) {
    for class in CLASSES {
        let cache = cache(link, class);
        cache.put("a", 1).await.unwrap();
        let failing = || async { Err::<Option<u64>, _>("away".to_owned()) };
        assert!(cache.get("failing", failing).await.is_err());
        let nothing = || async { Ok::<_, String>(None) };
        assert!(cache.get("nothing", nothing).await.unwrap().value.is_none());
    }
    let queue = Queue::<u64>::builder("orders").attempts(1).status_for(HOUR).build::<u64>(link).unwrap();
    for body in 0..6 {
        let job = Job::new(body).once(format!("n{body}"), HOUR);
        queue.push(if body == 5 { job.after(HOUR) } else { job }).await.unwrap();
    }
    let handler =
        |job: Lease<u64>| async move { if job.body == 1 { Outcome::Bury("bad".into()) } else { Outcome::Done } };
    let working = queue.work(Worker::default(), handler).unwrap();
    until("the jobs are done", async || {
        let counts = queue.counts().await.unwrap();
        (counts.waiting, counts.running, counts.later, counts.dead) == ([0; 3], 0, 1, 1)
    })
    .await;
    working.stop(HOUR).await;
    let sessions: Sessions<u64> = Sessions::new(link, Space::new("session"), DAY).unwrap();
    let _serving = sessions.serve("w1").await.unwrap();
    for user in 0..3 {
        let token = sessions.begin(&format!("user{user}"), &user).await.unwrap();
        assert!(sessions.listen(&token, "BTCUSDT", "w1").await.unwrap());
        assert!(sessions.get(&token).await.unwrap().is_some());
    }
    assert!(server.connect().run("EXISTS ws:servers ws:channel:BTCUSDT {q:orders}:dead").int() == 3);
}
