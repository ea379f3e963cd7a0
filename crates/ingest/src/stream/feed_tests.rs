//! Connections that replace each other, at a venue that fails and refuses as told.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

use super::super::plans;
use super::*;
use crate::config::{Config, VenueConfig};
use crate::metrics::health;
use crate::metrics::{Form, Metrics};

const PULSE: &str = r#"{"topic":"tickers.BTCUSDT","type":"delta","ts":1,"data":{"symbol":"BTCUSDT"}}"#;

/// What the venue does, and what it saw.
#[derive(Default)]
struct Seen {
    /// Each connection in turn, and whether it stands.
    standing: Mutex<Vec<bool>>,
    /// Whether the first one stood when each was made.
    overlaps: Mutex<Vec<bool>>,
    /// Connections that are cut at once.
    cut: std::ops::Range<usize>,
    /// What all but the first refuse.
    refused: Mutex<Option<&'static str>>,
    /// How often that was asked for alone, and refused.
    refusals: AtomicUsize,
    ends_first: Notify,
}

impl Seen {
    fn stands(&self, place: usize) -> bool {
        self.standing.lock().unwrap().get(place) == Some(&true)
    }

    fn connections(&self) -> usize {
        self.standing.lock().unwrap().len()
    }

    fn answer(&self, place: usize, text: &str) -> Option<String> {
        let request: serde_json::Value = serde_json::from_str(text).ok()?;
        let (id, topics) = (request["req_id"].as_str()?, request["args"].as_array()?);
        let refused = self.refused.lock().unwrap().filter(|refused| place > 0 && text.contains(refused));
        if refused.is_some() && topics.len() == 1 {
            self.refusals.fetch_add(1, Ordering::SeqCst);
        }
        let said = if refused.is_some() { "error:handler not found" } else { "subscribe" };
        let is_taken = refused.is_none();
        Some(format!(r#"{{"success":{is_taken},"ret_msg":"{said}","req_id":"{id}","op":"subscribe"}}"#))
    }

    async fn serve(&self, place: usize, stream: TcpStream) -> Option<()> {
        let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
        if self.cut.contains(&place) {
            return None;
        }
        let mut pulse = tokio::time::interval(Duration::from_millis(10));
        loop {
            let text = tokio::select! {
                _ = pulse.tick() => Some(PULSE.to_owned()),
                () = self.ends_first.notified(), if place == 0 => return None,
                message = socket.next() => match message?.ok()? {
                    Message::Text(text) => self.answer(place, &text),
                    Message::Close(_) => return None,
                    _ => None,
                },
            };
            if let Some(text) = text {
                socket.send(Message::text(text)).await.ok()?;
            }
        }
    }
}

/// A feed of three topics whose connections are soon to be replaced.
struct Scene {
    seen: Arc<Seen>,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    feed: JoinHandle<()>,
    _folder: tempfile::TempDir,
    _kept: (mpsc::Receiver<crate::sink::Arrived>, mpsc::Sender<News>),
}

impl Scene {
    async fn new(seen: Seen) -> Self {
        let (seen, listener) = (Arc::new(seen), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let venue = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (place, venue) = (venue.connections(), Arc::clone(&venue));
                venue.overlaps.lock().unwrap().push(venue.stands(0));
                venue.standing.lock().unwrap().push(true);
                tokio::spawn(async move {
                    venue.serve(place, stream).await;
                    venue.standing.lock().unwrap()[place] = false;
                });
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let settings = VenueConfig { url: Some(url), ..VenueConfig::default() };
        let config = Config {
            state_dir: folder.path().to_owned(),
            lifetime: Some(Duration::from_millis(100)),
            resubscribe: Duration::from_millis(10),
            reconnect: (Duration::from_millis(1), Duration::from_millis(5)),
            venues: [(Venue::Bybit, settings.clone())].into(),
            ..Config::default()
        };
        let symbols = [vec!["AUSDT".to_owned(), "BUSDT".to_owned()], Vec::new()];
        let plan = plans(Venue::Bybit, &settings, &symbols).remove(0);
        let metrics = Arc::new(Metrics::default());
        metrics.begin(Venue::Bybit);
        let (door, events) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared::new(Arc::new(config), Arc::clone(&metrics), door, stopped));
        let (told, news) = mpsc::channel(1);
        let feed = tokio::spawn(Feed::new(plan, shared, Contracts::default(), news).run());
        Self { seen, metrics, stop, feed, _folder: folder, _kept: (events, told) }
    }

    fn health(&self) -> health::Feed {
        self.metrics.health.feeds_of("bybit").remove(0)
    }

    fn is_well(&self) -> bool {
        let health = self.health();
        health.complaints.is_empty() && health.acknowledged == 3
    }

    /// Far longer than anything here takes.
    async fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..6_000 {
            if is_so(self) {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("not within a minute: {what}; {:?}", self.health());
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        self.feed.await.unwrap();
        let text = self.metrics.text(Form::Plain);
        assert!(text.contains("liq_ingest_connected{venue=\"bybit\"} 0\n"), "{text}");
    }
}

#[tokio::test]
async fn a_new_connection_that_fails_is_tried_again_while_the_old_one_stands() {
    let scene = Scene::new(Seen { cut: 1..4, ..Seen::default() }).await;
    scene.wait("the first is replaced", |scene| scene.seen.connections() > 4 && !scene.seen.stands(0)).await;
    assert_eq!(scene.seen.overlaps.lock().unwrap()[1..5], [true; 4], "it stood until there was another");
    scene.wait("all is well", Scene::is_well).await;
    scene.end().await;
}

#[tokio::test]
async fn a_connection_is_not_left_for_one_that_was_refused_what_it_hears() {
    let scene = Scene::new(Seen { refused: Mutex::new(Some("BUSDT")), ..Seen::default() }).await;
    let is_refused = |scene: &Scene| scene.seen.refusals.load(Ordering::SeqCst) >= 3;
    scene.wait("it is refused", is_refused).await;
    assert!(scene.seen.stands(0) && scene.seen.stands(1), "both go on");
    assert!(scene.is_well(), "{:?}", scene.health());
    *scene.seen.refused.lock().unwrap() = None;
    scene.wait("it is left", |scene| !scene.seen.stands(0)).await;
    scene.wait("all is well", Scene::is_well).await;
    scene.end().await;
}

#[tokio::test]
async fn a_connection_that_was_refused_something_goes_on_when_the_old_one_ends() {
    let scene = Scene::new(Seen { refused: Mutex::new(Some("BUSDT")), ..Seen::default() }).await;
    let is_refused = |scene: &Scene| scene.seen.refusals.load(Ordering::SeqCst) >= 1;
    scene.wait("it is refused", is_refused).await;
    assert!(scene.is_well(), "{:?}", scene.health());
    scene.seen.ends_first.notify_one();
    let is_told = |scene: &Scene| {
        let health = scene.health();
        health.acknowledged == 2 && health.complaints == ["refuses 1 of 3 subscriptions: allLiquidation.BUSDT"]
    };
    scene.wait("health tells it", is_told).await;
    *scene.seen.refused.lock().unwrap() = None;
    scene.wait("all is well", Scene::is_well).await;
    scene.end().await;
}
