//! Sessions and their subscriptions against real servers, whoever dies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may stop at a broken assumption"
)]

use std::time::{Duration, Instant};

use liq_harness::{Child, Fault, Options, Proxy, Server, child};
use redis_liq_desk::sessions::{Sessions, Token};
use redis_liq_desk::{Error, Link, Space};

const SPACE: Space = Space::new("session");
const DAY: Duration = Duration::from_secs(86_400);

/// Over a link that waits for a busy machine.
fn sessions(server: &Server, life: Duration) -> Sessions<u64> {
    let link = Link::open_with(&server.url(), Duration::from_secs(30), 3).unwrap();
    Sessions::new(&link, SPACE, life).unwrap()
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_session_is_known_everywhere_until_it_ends() {
    let server = Server::plain();
    let (here, there) = (sessions(&server, DAY), sessions(&server, DAY));
    let token = here.begin("ann", &7).await.unwrap();
    let session = there.get(&token).await.unwrap().unwrap();
    assert_eq!((session.data, session.user.as_str()), (7, "ann"));
    assert!(session.began_ms.abs_diff(server.connect().time_ms()) < 60_000);
    assert!(there.end(&token).await.unwrap() && !here.end(&token).await.unwrap());
    assert!(here.get(&token).await.unwrap().is_none());
    let stranger = Token::parse(&"a".repeat(32)).unwrap();
    assert!(here.get(&stranger).await.unwrap().is_none());
    let tokens = [here.begin("ann", &1).await.unwrap(), there.begin("ann", &2).await.unwrap()];
    let other = here.begin("bob", &3).await.unwrap();
    assert_eq!(there.end_user("ann").await.unwrap(), 2);
    for token in &tokens {
        assert!(here.get(token).await.unwrap().is_none());
    }
    assert!(here.get(&other).await.unwrap().is_some());
    assert_eq!(here.end_user("nobody").await.unwrap(), 0);
    for user in ["", "a b", "{a}"] {
        assert!(matches!(here.begin(user, &1).await, Err(Error::Name(_))));
    }
    assert!(Sessions::<u64>::new(&Link::open(&server.url()).unwrap(), SPACE, Duration::ZERO).is_err());
}

#[tokio::test]
async fn of_two_writers_the_second_is_told() {
    let server = Server::plain();
    let sessions = sessions(&server, DAY);
    let token = sessions.begin("ann", &1).await.unwrap();
    let (first, second) = (sessions.get(&token).await.unwrap().unwrap(), sessions.get(&token).await.unwrap().unwrap());
    assert!(sessions.put(&first, &2).await.unwrap());
    assert!(!sessions.put(&second, &3).await.unwrap());
    let now = sessions.get(&token).await.unwrap().unwrap();
    assert_eq!(now.data, 2);
    assert!(sessions.put(&now, &3).await.unwrap());
    sessions.end(&token).await.unwrap();
    assert!(!sessions.put(&now, &4).await.unwrap(), "what has ended is not brought back");
    assert_eq!(server.connect().run("KEYS session:?*").array().len(), 0);
}

#[tokio::test]
async fn being_seen_lengthens_a_session_and_silence_ends_it() {
    let server = Server::plain();
    let sessions = sessions(&server, Duration::from_secs(4));
    let (seen, silent) = (sessions.begin("ann", &1).await.unwrap(), sessions.begin("bob", &2).await.unwrap());
    assert!(sessions.listen(&silent, "BTCUSDT", "w1").await.unwrap());
    assert!(sessions.listen(&seen, "BTCUSDT", "w1").await.unwrap());
    let serving = sessions.serve("w1").await.unwrap();
    assert_eq!(sessions.listeners("BTCUSDT").await.unwrap().len(), 2);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(6) {
        assert!(sessions.get(&seen).await.unwrap().is_some());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(sessions.get(&silent).await.unwrap().is_none());
    assert_eq!(sessions.listeners("BTCUSDT").await.unwrap().len(), 1, "its subscription went with it");
    drop(serving);
    let mut client = server.connect();
    until("no key outlives its time", async || {
        client.run("DBSIZE").int() <= 1 || {
            // The servers' list has the heartbeat's expiry.
            let keys = client.run("KEYS *");
            keys.array().iter().all(|key| key.text() == "ws:servers")
        }
    })
    .await;
    assert!(client.run("PTTL ws:servers").int() > 0);
}

#[tokio::test]
async fn a_dump_opens_no_session_and_every_key_expires() {
    let server = Server::plain();
    let sessions = sessions(&server, DAY);
    let token = sessions.begin("ann", &1).await.unwrap();
    sessions.listen(&token, "BTCUSDT", "w1").await.unwrap();
    let _serving = sessions.serve("w1").await.unwrap();
    let mut client = server.connect();
    for key in client.run("KEYS *").array() {
        let key = key.text();
        assert!(client.call(&["PTTL", &key]).int() > 0, "{key} expires");
        let bytes = client.call(&["DUMP", &key]);
        let holds = |text: &str| bytes.bytes().windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!holds(token.as_str()) && !key.contains(token.as_str()), "{key} holds the token");
    }
    let [own, listening] =
        ["session: TYPE hash,zset", "ws: TYPE zset"].map(|of| format!("KEYS.POLICY SET {of} TTL 1d MAXTTL 1d"));
    assert_eq!(sessions.policy(), format!("{own}\n{listening}"));
}

#[tokio::test]
async fn a_session_listens_where_it_was_last() {
    let server = Server::plain();
    let sessions = sessions(&server, DAY);
    let _serving = [sessions.serve("w1").await.unwrap(), sessions.serve("w2").await.unwrap()];
    let token = sessions.begin("ann", &1).await.unwrap();
    for at in ["w1", "w2", "w2"] {
        assert!(sessions.listen(&token, "BTCUSDT", at).await.unwrap());
        let listeners = sessions.listeners("BTCUSDT").await.unwrap();
        assert_eq!((listeners.len(), listeners[0].server.as_str()), (1, at));
    }
    assert_eq!(sessions.servers("BTCUSDT").await.unwrap()["w2"], 1);
    // A socket that closes late does not end what the client has begun elsewhere.
    sessions.unlisten_at(&token, "BTCUSDT", "w1").await.unwrap();
    assert_eq!(sessions.listeners("BTCUSDT").await.unwrap().len(), 1);
    sessions.unlisten_at(&token, "BTCUSDT", "w2").await.unwrap();
    assert!(sessions.listeners("BTCUSDT").await.unwrap().is_empty());
    sessions.listen(&token, "BTCUSDT", "w1").await.unwrap();
    sessions.unlisten(&token, "BTCUSDT").await.unwrap();
    assert!(sessions.listeners("BTCUSDT").await.unwrap().is_empty());
    sessions.listen(&token, "ETHUSDT", "w1").await.unwrap();
    sessions.end(&token).await.unwrap();
    assert!(sessions.listeners("ETHUSDT").await.unwrap().is_empty());
    assert!(!sessions.listen(&token, "ETHUSDT", "w1").await.unwrap(), "what has ended does not listen");
    assert!(sessions.listen(&token, "a b", "w1").await.is_err() && sessions.listeners("").await.is_err());
}

/// As if the sessions had last been seen long ago: being seen is written again.
fn age(server: &Server) {
    let mut client = server.connect();
    for key in client.run("KEYS session:[0-9a-f]*").array() {
        client.call(&["HSET", &key.text(), "s", "0"]);
    }
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_ended_by_the_next() {
    let server = Server::plain();
    let sessions = sessions(&server, DAY);
    let _serving = sessions.serve("w1").await.unwrap();
    let token = sessions.begin("ann", &1).await.unwrap();
    sessions.listen(&token, "BTCUSDT", "w1").await.unwrap();
    let session = sessions.get(&token).await.unwrap().unwrap();
    // What the lists are told of the end does not arrive.
    server.connect().run("ACL SETUSER default -zrem").ok();
    assert!(sessions.end(&token).await.is_err());
    server.connect().run("ACL SETUSER default +zrem").ok();
    assert!(sessions.get(&token).await.unwrap().is_none());
    assert!(!sessions.put(&session, &2).await.unwrap());
    assert!(!sessions.listen(&token, "ETHUSDT", "w1").await.unwrap());
    assert_eq!(sessions.end_user("ann").await.unwrap(), 0, "it had ended already");
    assert!(sessions.listeners("BTCUSDT").await.unwrap().is_empty());
    assert_eq!(server.connect().run("KEYS session:?*").array().len(), 0);
}

/// What is cut off between the lists and the session leaves the session as it was: it must not outlive its user's list.
#[tokio::test]
async fn a_session_lives_no_longer_than_its_users_list_names_it() {
    let server = Server::plain();
    let sessions = sessions(&server, DAY);
    let token = sessions.begin("ann", &1).await.unwrap();
    age(&server);
    let mut client = server.connect();
    client.run("ACL SETUSER default -zadd").ok();
    assert!(sessions.get(&token).await.is_err());
    let key = client.run("KEYS session:[0-9a-f]*").array()[0].text();
    assert_eq!(client.call(&["HGET", &key, "s"]).text(), "0", "not yet seen");
    client.run("ACL SETUSER default +zadd").ok();
    assert!(sessions.get(&token).await.unwrap().is_some());
    assert_ne!(client.call(&["HGET", &key, "s"]).text(), "0");
    // Nor does an end that is cut off take the session off it before all is done.
    sessions.listen(&token, "BTCUSDT", "w1").await.unwrap();
    let _serving = sessions.serve("w1").await.unwrap();
    client.run("ACL SETUSER default -del").ok();
    assert!(sessions.end_user("ann").await.is_err());
    client.run("ACL SETUSER default +del").ok();
    assert_eq!(sessions.end_user("ann").await.unwrap(), 0, "it had ended already");
    assert_eq!(client.run("KEYS session:?*").array().len(), 0);
}

#[tokio::test]
async fn nobody_listens_in_a_session_that_ends_meanwhile() {
    let server = Server::plain();
    let sessions = sessions(&server, DAY);
    let _serving = sessions.serve("w1").await.unwrap();
    for round in 0..100 {
        let token = sessions.begin("ann", &1).await.unwrap();
        assert!(sessions.listen(&token, "BTCUSDT", "w1").await.unwrap());
        age(&server);
        let (listening, seeing) = (sessions.listen(&token, "ETHUSDT", "w1"), sessions.get(&token));
        let (ended, _, _) = tokio::join!(sessions.end(&token), listening, seeing);
        assert!(ended.unwrap());
        for channel in ["BTCUSDT", "ETHUSDT"] {
            assert_eq!(sessions.listeners(channel).await.unwrap(), [], "{channel}, round {round}");
        }
    }
}

#[tokio::test]
async fn a_session_that_is_seen_while_it_moves_listens_at_one_place() {
    let server = Server::plain();
    let sessions = sessions(&server, DAY);
    let _serving = [sessions.serve("w1").await.unwrap(), sessions.serve("w2").await.unwrap()];
    let token = sessions.begin("ann", &1).await.unwrap();
    let key = server.connect().run("KEYS session:[0-9a-f]*").array()[0].text();
    for round in 0..40 {
        age(&server);
        let (first, second) = (sessions.listen(&token, "BTCUSDT", "w1"), sessions.listen(&token, "BTCUSDT", "w2"));
        let (seen, first, second) = tokio::join!(sessions.get(&token), first, second);
        assert!(seen.unwrap().is_some() && first.unwrap() && second.unwrap());
        assert_eq!(sessions.listeners("BTCUSDT").await.unwrap().len(), 1, "round {round}");
        age(&server);
        tokio::join!(sessions.unlisten(&token, "BTCUSDT"), sessions.get(&token)).0.unwrap();
        assert_eq!(sessions.listeners("BTCUSDT").await.unwrap(), [], "round {round}");
        age(&server);
        let (leaves, comes) = (sessions.unlisten(&token, "BTCUSDT"), sessions.listen(&token, "BTCUSDT", "w1"));
        tokio::join!(comes, leaves, sessions.get(&token)).0.unwrap();
        let says = server.connect().call(&["HEXISTS", &key, "c:BTCUSDT"]).int() as usize;
        assert_eq!(sessions.listeners("BTCUSDT").await.unwrap().len(), says, "round {round}");
    }
}

const HEARTBEAT: Duration = Duration::from_millis(1_500);

/// Holds sockets until it is killed.
#[test]
fn web_process() {
    let Some(args) = child::args("web_process") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let link = Link::open_with(&args[0], Duration::from_secs(30), 3).unwrap();
        let sessions: Sessions<u64> = Sessions::new(&link, SPACE, DAY).unwrap().heartbeat(HEARTBEAT);
        let _serving = sessions.serve(&args[1]).await.unwrap();
        for number in 0..args[2].parse::<u64>().unwrap() {
            let token = sessions.begin(&format!("user{number}"), &number).await.unwrap();
            assert!(sessions.listen(&token, "BTCUSDT", &args[1]).await.unwrap());
        }
        child::say("full");
        std::future::pending::<()>().await;
    });
}

#[tokio::test]
async fn a_killed_servers_listeners_are_gone_within_the_heartbeat() {
    let server = Server::plain();
    let count = if std::env::var_os("LIQ_SOAK").is_some() { 10_000 } else { 500 };
    let sessions = sessions(&server, DAY);
    let mut web = Child::start("web_process", &[&server.url(), "w1", &count.to_string()]);
    let _other = sessions.clone().heartbeat(DAY).serve("w2").await.unwrap();
    let token = sessions.begin("ann", &1).await.unwrap();
    sessions.listen(&token, "BTCUSDT", "w2").await.unwrap();
    assert_eq!(web.hear(), "full");
    tokio::time::sleep(HEARTBEAT * 3).await;
    // On a busy machine a word may come late.
    until("it lives, and says so", async || sessions.listeners("BTCUSDT").await.unwrap().len() == count + 1).await;
    web.kill();
    until("only the other server's is left", async || sessions.listeners("BTCUSDT").await.unwrap().len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_fails_it_is_told_and_nothing_is_lost() {
    let mut server = Options::default().without_module().durable().start();
    let proxy = Proxy::before(&server);
    let link = Link::open(&proxy.url()).unwrap();
    let sessions: Sessions<u64> = Sessions::new(&link, SPACE, DAY).unwrap();
    let token = sessions.begin("ann", &1).await.unwrap();
    tokio::task::block_in_place(|| {
        server.kill();
    });
    until("it is away", async || matches!(sessions.get(&token).await, Err(Error::Away(_)))).await;
    server.start_again();
    until("it is back", async || matches!(sessions.get(&token).await, Ok(Some(_)))).await;
    server.stall();
    until("it hangs", async || matches!(sessions.get(&token).await, Err(Error::Away(_)))).await;
    server.resume();
    until("it goes on", async || matches!(sessions.get(&token).await, Ok(Some(_)))).await;
    proxy.set(Fault::Answer("LOADING Redis is loading the dataset in memory"));
    assert!(sessions.get(&token).await.is_err());
    proxy.set(Fault::None);
    until("it has loaded", async || matches!(sessions.get(&token).await, Ok(Some(_)))).await;
    server.connect().run("CONFIG SET maxmemory 1").ok();
    assert!(sessions.begin("bob", &2).await.unwrap_err().to_string().contains("OOM"));
    server.connect().run("CONFIG SET maxmemory 0").ok();
    server.connect().run("REPLICAOF 127.0.0.1 1").ok();
    assert!(sessions.begin("bob", &2).await.unwrap_err().to_string().contains("READONLY"));
    server.connect().run("REPLICAOF NO ONE").ok();
    assert!(sessions.get(&token).await.unwrap().is_some());
}
