//! The face in a browser: pages of all symbols, of one, and of what all keys are like, live by server-sent events. Everything comes from this
//! program: pages, style, script and pictures, and a page may load nothing else.

mod gate;
mod page;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::model::View;
use crate::names::Key;
use crate::watch::Wants;
pub use gate::{Gate, token};
use page::Page;

/// Connections served at a time; more wait.
const MOST_CONNECTIONS: usize = 64;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Symbols that are looked at closely at a time: each costs the server five commands a refresh.
const MOST_OPEN: usize = 16;
/// What a page may do: load from this program, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// What all connections share.
struct Shared {
    gate: Gate,
    view: watch::Receiver<View>,
    wants: watch::Sender<Wants>,
    /// How many pages look at each symbol.
    open: Mutex<BTreeMap<Key, usize>>,
}

/// A page that looks at a symbol, until it is closed.
struct Looking {
    shared: Arc<Shared>,
    key: Key,
}

impl Looking {
    /// None when too many symbols are looked at already.
    fn at(shared: &Arc<Shared>, key: Key) -> Option<Self> {
        let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST_OPEN && !open.contains_key(&key) {
            return None;
        }
        *open.entry(key.clone()).or_default() += 1;
        shared.want(&open);
        drop(open);
        Some(Self { shared: Arc::clone(shared), key })
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
        }
        open.retain(|_, count| *count > 0);
        self.shared.want(&open);
    }
}

impl Shared {
    fn want(&self, open: &BTreeMap<Key, usize>) {
        self.wants.send_modify(|wants| wants.open = open.keys().cloned().collect());
    }
}

/// Serves pages until the task ends.
pub async fn serve(listener: TcpListener, gate: Gate, view: watch::Receiver<View>, wants: watch::Sender<Wants>) {
    let shared = Arc::new(Shared { gate, view, wants, open: Mutex::default() });
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(&request, &shared);
                async move { Ok::<_, Infallible>(answer) }
            });
            // A browser that goes away is none of our business.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(permit);
        });
    }
}

/// Binds, says where, and serves until the system asks to end.
pub async fn run(
    address: SocketAddr,
    token: Option<String>,
    view: watch::Receiver<View>,
    wants: watch::Sender<Wants>,
) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let gate = Gate::new(bound, token)?;
    println!("liq-top: {}", gate.url(bound));
    tokio::select! {
        () = serve(listener, gate, view, wants) => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}

fn answer(request: &Request<Incoming>, shared: &Arc<Shared>) -> Answer {
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
    }
    match shared.gate.judge(request.headers(), request.uri()) {
        gate::Verdict::Pass => {}
        gate::Verdict::Admit(cookie, location) => {
            let mut answer = text(StatusCode::SEE_OTHER, "");
            for (name, value) in [(header::SET_COOKIE, cookie), (header::LOCATION, location)] {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    answer.headers_mut().insert(name, value);
                }
            }
            return answer;
        }
        gate::Verdict::Refuse(why) => return text(StatusCode::FORBIDDEN, why),
    }
    let view = shared.view.borrow().clone();
    let page = match gate::parameter(request.uri(), "id") {
        Some(id) => page::of_symbol(&view, id),
        None if gate::parameter(request.uri(), "of") == Some("keys") => Some(Page::Keyspace),
        None => Some(Page::All),
    };
    match (request.uri().path(), page) {
        ("/", _) => html(page::whole(&view, &Page::All)),
        ("/keys", _) => html(page::whole(&view, &Page::Keyspace)),
        ("/symbol", Some(page @ Page::One(_))) => html(page::whole(&view, &page)),
        // It may be there: its page tells once something was read.
        ("/symbol", Some(page @ Page::Unread(_))) if view.snapshot.is_none() => html(page::whole(&view, &page)),
        ("/events", Some(page)) => events(shared, page),
        ("/style.css", ..) => full(StatusCode::OK, "text/css", include_str!("style.css").into()),
        ("/live.js", ..) => full(StatusCode::OK, "text/javascript", include_str!("live.js").into()),
        _ => text(StatusCode::NOT_FOUND, "there is no such page, or no such symbol any more\n"),
    }
}

/// The page's content, again whenever something was read. What it has is told when the browser leaves.
fn events(shared: &Arc<Shared>, page: Page) -> Answer {
    let live = Live { shared: Arc::clone(shared), view: shared.view.clone(), page, looking: None };
    let frames = stream::unfold((live, true), |(mut live, is_first)| async move {
        if !is_first {
            live.view.changed().await.ok()?;
        }
        // One line, whatever is in it.
        let line = serde_json::to_string(&live.content()).ok()?;
        let frame = Frame::data(Bytes::from(format!("event: view\ndata: {line}\n\n")));
        Some((Ok::<_, Infallible>(frame), (live, false)))
    });
    with_headers(Response::new(StreamBody::new(frames).boxed()), "text/event-stream")
}

/// A page that is open. A refusal of its stream would end it for good: what it cannot show now it says, and shows later.
struct Live {
    shared: Arc<Shared>,
    view: watch::Receiver<View>,
    page: Page,
    /// None while too many symbols are open.
    looking: Option<Looking>,
}

impl Live {
    fn content(&mut self) -> String {
        let view = self.view.borrow_and_update().clone();
        if let Page::Unread(id) = &self.page
            && let Some(key) = page::find(&view, id)
        {
            self.page = Page::One(key);
        }
        if let Page::One(key) = &self.page
            && self.looking.is_none()
        {
            self.looking = Looking::at(&self.shared, key.clone());
            if self.looking.is_none() {
                return page::too_many();
            }
        }
        page::content(&view, &self.page)
    }
}

fn html(page: String) -> Answer {
    full(StatusCode::OK, "text/html; charset=utf-8", page)
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    full(status, "text/plain; charset=utf-8", text.to_owned())
}

fn full(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = with_headers(Response::new(Full::new(Bytes::from(body)).boxed()), content_type);
    *answer.status_mut() = status;
    answer
}

fn with_headers(mut answer: Answer, content_type: &'static str) -> Answer {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    headers
        .into_iter()
        .for_each(|(name, value)| drop(answer.headers_mut().insert(name, HeaderValue::from_static(value))));
    answer
}
