//! A session at its end.

use std::sync::Weak;

use super::super::presence::Stage;
use super::*;
use crate::config::Config;
use crate::event::{Event, Side};
use crate::item::Item;
use crate::metrics::Metrics;
use crate::venue::Venue;

fn event() -> Event {
    let (exchange, symbol, id) = (Arc::from("binance"), Arc::from("A"), Box::from(""));
    Event { exchange, symbol, ts_ms: 1, side: Side::Buy, price: 1.0, size: 1.0, id }
}

/// A session of a venue's first connection, over which nothing came yet, and what keeps it alive.
fn reader(venue: Venue) -> (Reader, tempfile::TempDir, (mpsc::Receiver<Arrived>, watch::Sender<bool>)) {
    let folder = tempfile::tempdir().unwrap();
    let config = Arc::new(Config { state_dir: folder.path().to_owned(), ..Config::default() });
    let (door, events) = mpsc::channel(1);
    let (stop, stopped) = watch::channel(false);
    let symbols = [vec!["AUSDT".to_owned(), "BUSDT".to_owned()], Vec::new()];
    let plan = Arc::new(super::super::plans(venue, &config.venue(venue), &symbols).remove(0));
    let shared = Arc::new(Shared::new(config, Arc::<Metrics>::default(), door, stopped));
    let subscriber = Subscriber::new(venue, &plan.topics, plan.chunk, Duration::from_secs(3600), Instant::now());
    let (decoder, batch) = (Decoder::new(Contracts::default()), Batch::default());
    let (stage, _) = watch::channel(Stage::Begins);
    let place = Place { stage, hearing: Arc::default(), predecessor: Weak::new() };
    let presence = Presence::new(Arc::clone(&plan), Arc::clone(&shared), place, true);
    let reader = Reader { plan, shared, decoder, batch, subscriber, presence };
    (reader, folder, (events, stop))
}

async fn hear(reader: &mut Reader, texts: &[&str]) {
    for text in texts {
        drop(reader.take(Some(Ok(Message::text(*text)))).await.unwrap());
    }
}

#[tokio::test]
async fn a_session_that_waits_for_a_spool_that_takes_nothing_ends_with_the_program() {
    let (mut reader, _folder, (_events, stop)) = reader(Venue::BinanceUm);
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
        let (mut reader, _folder, _kept) = reader(venue);
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
    let (mut reader, _folder, _kept) = reader(Venue::BinanceUm);
    let now = Instant::now();
    assert_eq!(requests(&mut reader, now).len(), 1);
    assert_eq!(requests(&mut reader, now + Duration::from_secs(60)).len(), 1, "unanswered: asked again");
    hear(&mut reader, &[r#"{"result":null,"id":1}"#]).await;
    assert_eq!(reader.subscriber.summary().acknowledged, 2);
}

#[tokio::test]
async fn deribit_lists_what_it_subscribes_and_nothing_is_a_refusal() {
    let (mut reader, _folder, _kept) = reader(Venue::Deribit);
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
