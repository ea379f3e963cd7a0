//! A session at its end.

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

#[tokio::test]
async fn a_session_that_waits_for_a_spool_that_takes_nothing_ends_with_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let config = Arc::new(Config { state_dir: folder.path().to_owned(), ..Config::default() });
    let (door, _events) = mpsc::channel(1);
    let (stop, stopped) = watch::channel(false);
    let venue = Venue::BinanceUm;
    let plan = Arc::new(super::super::plans(venue, &config.venue(venue), &[]).remove(0));
    door.try_send(Arrived { item: Item::Liquidation(event()), at_us: 1 }).unwrap();
    let shared = Arc::new(Shared::new(config, Arc::<Metrics>::default(), door, stopped));
    let subscriber = Subscriber::new(venue, &plan.topics, plan.chunk, Duration::from_secs(1), Instant::now());
    let (decoder, batch) = (Decoder::new(Contracts::default()), Batch { events: vec![event()], ..Batch::default() });
    let (whole, _) = watch::channel(false);
    let (alive_since, has_resumed, is_seamless, predecessor) = (None, false, false, Weak::new());
    let mut reader =
        Reader { plan, shared, decoder, batch, subscriber, whole, alive_since, has_resumed, is_seamless, predecessor };
    stop.send(true).unwrap();
    // Far longer than it may take.
    let ended = timeout(Duration::from_secs(60), reader.hand_on(2)).await;
    assert_eq!(ended, Ok(Err(End::Left)));
}
