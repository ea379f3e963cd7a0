//! A session: what answers mean to it, what it asks for when it hears again, and its end.

use std::sync::Weak;

use super::super::presence::Stage;
use super::*;
use crate::config::{Config, VenueConfig};
use crate::event::{Event, Side};
use crate::item::Item;
use crate::metrics::Metrics;
use crate::venue::Venue;

fn event() -> Event {
    let (exchange, symbol, id) = (Arc::from("binance"), Arc::from("A"), Box::from(""));
    Event { exchange, symbol, ts_ms: 1, side: Side::Buy, price: 1.0, size: 1.0, id }
}

/// What keeps a session alive that nobody runs.
type Kept = (tempfile::TempDir, mpsc::Receiver<Arrived>, watch::Sender<bool>);

/// A session over which nothing came yet.
fn reader(venue: Venue) -> (Reader, Kept) {
    reader_beside(venue, None)
}

fn reader_beside(venue: Venue, rest_url: Option<String>) -> (Reader, Kept) {
    let folder = tempfile::tempdir().unwrap();
    let settings = VenueConfig { rest_url, ..VenueConfig::default() };
    let venues = [(venue, settings)].into();
    let config = Arc::new(Config { state_dir: folder.path().to_owned(), venues, ..Config::default() });
    let (door, events) = mpsc::channel(1);
    let (stop, stopped) = watch::channel(false);
    let symbols = [vec!["AUSDT".to_owned(), "BUSDT".to_owned()], Vec::new()];
    let plan = Arc::new(super::super::plans(venue, &config.venue(venue), &symbols).remove(0));
    let shared = Arc::new(Shared::new(config, Arc::<Metrics>::default(), door, stopped));
    (over(plan, shared), (folder, events, stop))
}

fn over(plan: Arc<Plan>, shared: Arc<Shared>) -> Reader {
    let hour = Duration::from_secs(3600);
    let subscriber = Subscriber::new(plan.venue, &plan.topics, plan.chunk, hour, Instant::now());
    let (decoder, batch) = (Decoder::new(Contracts::default()), Batch::default());
    let (stage, _) = watch::channel(Stage::Begins);
    let place = Place { stage, hearing: Arc::default(), predecessor: Weak::new() };
    let presence = Presence::new(Arc::clone(&plan), Arc::clone(&shared), place, true);
    Reader { plan, shared, decoder, batch, subscriber, presence }
}

async fn hear(reader: &mut Reader, texts: &[&str]) {
    for text in texts {
        drop(reader.take(Some(Ok(Message::text(*text)))).await.unwrap());
    }
}

#[tokio::test]
async fn a_session_that_waits_for_a_spool_that_takes_nothing_ends_with_the_program() {
    let (mut reader, (_folder, _events, stop)) = reader(Venue::BinanceUm);
    reader.shared.events.try_send(Arrived { item: Item::Liquidation(event()), at_us: 1 }).unwrap();
    reader.batch.events.push(event());
    stop.send(true).unwrap();
    // Far longer than it may take.
    let ended = timeout(Duration::from_secs(60), reader.hand_on(2)).await;
    assert_eq!(ended, Ok(Err(End::Left)));
}

/// What is asked for, as often as something is.
fn requests(reader: &mut Reader, now: Instant) -> Vec<String> {
    std::iter::from_fn(|| reader.subscriber.next_request(now)).collect()
}

#[tokio::test]
async fn what_a_venue_says_is_subscribed_already_is() {
    // The first answer comes so late that the same is asked again, and that is answered before.
    for (venue, again) in [
        (
            Venue::Bybit,
            &[
                r#"{"success":false,"ret_msg":"error:already subscribed,topic:tickers.BTCUSDT","conn_id":"x","req_id":"2","op":"subscribe"}"#,
                r#"{"success":true,"ret_msg":"subscribe","conn_id":"x","req_id":"3","op":"subscribe"}"#,
            ][..],
        ),
        (
            Venue::Bitfinex,
            &[
                r#"{"event":"error","msg":"subscribe: dup","code":10301,"channel":"status","key":"deriv:tBTCF0:USTF0"}"#,
                r#"{"event":"error","msg":"subscribe: dup","code":10301,"channel":"status","key":"liq:global"}"#,
            ],
        ),
        (
            Venue::Bitmex,
            &[
                r#"{"status":400,"error":"You are already subscribed to this topic: liquidation","request":{"op":"subscribe","args":["liquidation"]}}"#,
                r#"{"success":true,"subscribe":"instrument:XBTUSD","request":{"op":"subscribe","args":["instrument:XBTUSD"]}}"#,
            ],
        ),
    ] {
        let (mut reader, _kept) = reader(venue);
        let now = Instant::now();
        assert!(!requests(&mut reader, now).is_empty());
        assert!(!requests(&mut reader, now + Duration::from_secs(60)).is_empty(), "unanswered: asked again");
        for text in again {
            hear(&mut reader, &[text]).await;
            requests(&mut reader, now + Duration::from_secs(60));
        }
        let summary = reader.subscriber.summary();
        assert_eq!((summary.refused, summary.open_since), (Vec::new(), None), "{venue:?}");
        assert_eq!(summary.acknowledged, summary.wanted, "{venue:?}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_late_is_one() {
    let (mut reader, _kept) = reader(Venue::BinanceUm);
    let now = Instant::now();
    assert_eq!(requests(&mut reader, now).len(), 1);
    assert_eq!(requests(&mut reader, now + Duration::from_secs(60)).len(), 1, "unanswered: asked again");
    hear(&mut reader, &[r#"{"result":null,"id":1}"#]).await;
    assert_eq!(reader.subscriber.summary().acknowledged, 2);
}

#[tokio::test]
async fn deribit_lists_what_it_subscribes_and_nothing_is_a_refusal() {
    let (mut reader, _kept) = reader(Venue::Deribit);
    requests(&mut reader, Instant::now());
    let all = reader.plan.topics.clone();
    let answer =
        |id: u64, topics: &[String]| serde_json::json!({"jsonrpc": "2.0", "id": id, "result": topics}).to_string();
    hear(&mut reader, &[&answer(1, &all[1..])]).await;
    assert_eq!(reader.subscriber.summary().refused, all[..1]);
    // It is asked for again, alone.
    assert_eq!(requests(&mut reader, Instant::now() + Duration::from_secs(7200)).len(), 1);
    hear(&mut reader, &[&answer(2, &[])]).await;
    let summary = reader.subscriber.summary();
    assert_eq!((summary.acknowledged, summary.refused), (all.len() - 1, all[..1].to_vec()));
}

/// A venue that tells nothing by REST, and the paths that it is asked for.
fn telling_nothing() -> (String, mpsc::UnboundedReceiver<String>) {
    use std::io::{BufRead, BufReader, Write};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, paths) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let _ = asked.send(head[0].clone());
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]");
        }
    });
    (url, paths)
}

fn now_ms() -> i64 {
    now_us() / 1_000
}

#[tokio::test]
async fn what_was_missed_of_a_topic_that_was_refused_at_first_is_asked_for_when_it_is_heard() {
    const CONTROL: &str = r#"{"event":"subscribed","channel":"status","chanId":4,"key":"deriv:tBTCF0:USTF0"}"#;
    const LIQUIDATIONS: &str = r#"{"event":"subscribed","channel":"status","chanId":5,"key":"liq:global"}"#;
    const REFUSED: &str =
        r#"{"event":"error","msg":"subscribe: failed","code":10300,"channel":"status","key":"liq:global"}"#;
    let (url, mut paths) = telling_nothing();
    let (mut first, _kept) = reader_beside(Venue::Bitfinex, Some(url));
    let begun_ms = now_ms();
    hear(&mut first, &[CONTROL, LIQUIDATIONS, r#"[4,"hb"]"#]).await;
    let ended_ms = now_ms();
    first.presence.end();
    let mut second = over(Arc::clone(&first.plan), Arc::clone(&first.shared));
    hear(&mut second, &[CONTROL, REFUSED, r#"[4,"hb"]"#]).await;
    // Until then it is not heard.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let heard_ms = now_ms();
    hear(&mut second, &[LIQUIDATIONS]).await;
    let path = timeout(Duration::from_secs(60), paths.recv()).await.expect("it is asked").unwrap();
    let moment = |name: &str| -> i64 {
        let (_, behind) = path.split_once(name).unwrap();
        behind.split('&').next().unwrap().parse().unwrap()
    };
    // Five seconds more on either side, for clocks differ; the two of this machine by less than one.
    assert!((begun_ms - 1_000..=ended_ms + 1_000).contains(&(moment("start=") + 5_000)), "{path}");
    assert!(moment("end=") >= heard_ms + 5_000, "{path}");
}
