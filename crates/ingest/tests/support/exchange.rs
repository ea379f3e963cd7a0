//! Exchanges as this program meets them: WebSocket servers that insist on each venue's handshake and keepalives, play
//! frames, and misbehave as told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;

/// What happens on a connection, in this order; behind the last step the control stream ticks until it is closed.
#[derive(Clone, Debug)]
pub enum Step {
    /// A text frame.
    Send(String),
    /// Bytes that are no text frame.
    Binary(Vec<u8>),
    /// A WebSocket ping, whose pong must come back.
    Ping,
    /// A text that must be answered with one that holds the second.
    Ask(String, String),
    /// The connection is cut without a word.
    Cut,
    /// The connection is closed in order.
    Close,
    /// Nothing any more, not even the control stream, until the program goes away.
    Silence,
}

/// One exchange.
pub struct Script {
    /// Pieces of text that the subscriptions must hold; until all came nothing is sent.
    pub expects: Vec<&'static str>,
    /// What acknowledges the subscriptions.
    pub greeting: Vec<&'static str>,
    /// What ticks on the control stream.
    pub pulse: &'static str,
    /// A text the program may send to keep the connection, and its answer.
    pub keepalive: Option<(&'static str, &'static str)>,
    /// One list for each connection in turn; later connections get only the control stream.
    pub sessions: Vec<Vec<Step>>,
}

pub struct Exchange {
    address: SocketAddr,
    seen: Arc<Seen>,
    live: mpsc::UnboundedSender<String>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    finished: AtomicUsize,
    faults: Mutex<Vec<String>>,
    paths: Mutex<Vec<String>>,
    texts: Mutex<Vec<String>>,
    refused: Mutex<Vec<String>>,
    unanswered: Mutex<Vec<String>>,
    cut: tokio::sync::Notify,
}

impl Seen {
    /// Notes what a client said; what the venue answers.
    fn hear(&self, text: &str) -> Vec<String> {
        self.texts.lock().unwrap().push(text.to_owned());
        if self.unanswered.lock().unwrap().iter().any(|topic| text.contains(topic)) {
            return Vec::new();
        }
        let refused = self.refused.lock().unwrap();
        super::acknowledge::answers(text, |topic| refused.iter().any(|bad| topic.contains(bad)))
    }
}

impl Exchange {
    pub fn start(script: Script) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let (live, texts) = mpsc::unbounded_channel();
        runtime.spawn(accept(listener, Arc::new(script), Arc::clone(&seen), Arc::new(tokio::sync::Mutex::new(texts))));
        Self { address, seen, live, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Sends a frame over whichever connection stands.
    pub fn send(&self, text: String) {
        self.live.send(text).unwrap();
    }

    /// Refuses subscriptions to topics that hold this text.
    pub fn refuse(&self, text: &str) {
        self.seen.refused.lock().unwrap().push(text.to_owned());
    }

    /// Leaves requests unanswered that hold this text.
    pub fn ignore(&self, text: &str) {
        self.seen.unanswered.lock().unwrap().push(text.to_owned());
    }

    /// Refuses and ignores nothing any more.
    pub fn accept_all(&self) {
        self.seen.refused.lock().unwrap().clear();
        self.seen.unanswered.lock().unwrap().clear();
    }

    /// Cuts the connection on which the control stream ticks.
    pub fn cut(&self) {
        self.seen.cut.notify_one();
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many connections came to the end of their steps.
    pub fn finished(&self) -> usize {
        self.seen.finished.load(Ordering::SeqCst)
    }

    /// Everything that clients said.
    pub fn texts(&self) -> Vec<String> {
        self.seen.texts.lock().unwrap().clone()
    }

    /// What the program did wrong.
    pub fn faults(&self) -> Vec<String> {
        self.seen.faults.lock().unwrap().clone()
    }
}

type Live = Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>>;

async fn accept(listener: TcpListener, script: Arc<Script>, seen: Arc<Seen>, live: Live) {
    while let Ok((stream, _)) = listener.accept().await {
        let place = seen.connections.fetch_add(1, Ordering::SeqCst);
        let (script, seen, live) = (Arc::clone(&script), Arc::clone(&seen), Arc::clone(&live));
        tokio::spawn(async move {
            if let Err(fault) = serve(stream, place, &script, &seen, &live).await {
                seen.faults.lock().unwrap().push(format!("connection {place}: {fault}"));
            }
        });
    }
}

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

async fn serve(stream: TcpStream, place: usize, script: &Script, seen: &Seen, live: &Live) -> Result<(), String> {
    let mut socket = tokio_tungstenite::accept_async(stream).await.map_err(|error| error.to_string())?;
    let mut missing = script.expects.clone();
    while !missing.is_empty() {
        let text = next_text(&mut socket, script).await?;
        missing.retain(|piece| !text.contains(piece));
        for answer in seen.hear(&text) {
            send(&mut socket, &answer).await?;
        }
    }
    for text in &script.greeting {
        send(&mut socket, text).await?;
    }
    send(&mut socket, script.pulse).await?;
    for step in script.sessions.get(place).into_iter().flatten() {
        match step {
            Step::Send(text) => send(&mut socket, text).await?,
            Step::Binary(bytes) => {
                socket.send(Message::Binary(bytes.clone().into())).await.map_err(|error| error.to_string())?;
            }
            Step::Ping => ping(&mut socket, script).await?,
            Step::Ask(text, answer) => {
                send(&mut socket, text).await?;
                let got = next_text(&mut socket, script).await?;
                if !got.contains(answer.as_str()) {
                    return Err(format!("{text} was answered with {got}"));
                }
            }
            Step::Cut => {
                seen.finished.fetch_add(1, Ordering::SeqCst);
                return Ok(());
            }
            Step::Close => {
                seen.finished.fetch_add(1, Ordering::SeqCst);
                let _ = socket.close(None).await;
                while let Some(Ok(_)) = socket.next().await {}
                return Ok(());
            }
            Step::Silence => {
                seen.finished.fetch_add(1, Ordering::SeqCst);
                while let Some(Ok(_)) = socket.next().await {}
                return Ok(());
            }
        }
    }
    seen.finished.fetch_add(1, Ordering::SeqCst);
    tick(socket, script, seen, live).await;
    Ok(())
}

/// The control stream, the keepalives, and what the test sends, until the client goes away.
async fn tick(mut socket: Socket, script: &Script, seen: &Seen, live: &Live) {
    let mut live = live.lock().await;
    let mut pulse = tokio::time::interval(Duration::from_millis(100));
    loop {
        let sent = tokio::select! {
            () = seen.cut.notified() => return,
            _ = pulse.tick() => send(&mut socket, script.pulse).await,
            Some(text) = live.recv() => send(&mut socket, &text).await,
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let mut sent = Ok(());
                    for answer in seen.hear(&text) {
                        sent = send(&mut socket, &answer).await;
                    }
                    sent.and(answer(&mut socket, script, &text).await.map(drop))
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => Ok(()),
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn send(socket: &mut Socket, text: &str) -> Result<(), String> {
    socket.send(Message::text(text)).await.map_err(|error| error.to_string())
}

/// Answers a keepalive; false when the text is none.
async fn answer(socket: &mut Socket, script: &Script, text: &Utf8Bytes) -> Result<bool, String> {
    match script.keepalive {
        Some((said, answer)) if said == text.as_str() => {
            send(socket, answer).await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

async fn next_text(socket: &mut Socket, script: &Script) -> Result<String, String> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(30), socket.next()).await;
        match message.map_err(|_| "the program said nothing for 30 s")? {
            Some(Ok(Message::Text(text))) => {
                if !answer(socket, script, &text).await? {
                    return Ok(text.to_string());
                }
            }
            Some(Ok(_)) => {}
            other => return Err(format!("the program went away: {other:?}")),
        }
    }
}

async fn ping(socket: &mut Socket, script: &Script) -> Result<(), String> {
    let payload: &[u8] = b"liq";
    socket.send(Message::Ping(payload.into())).await.map_err(|error| error.to_string())?;
    loop {
        let message = tokio::time::timeout(Duration::from_secs(30), socket.next()).await;
        match message.map_err(|_| "no pong within 30 s")? {
            Some(Ok(Message::Pong(pong))) if pong == payload => return Ok(()),
            Some(Ok(Message::Text(text))) => {
                answer(socket, script, &text).await?;
            }
            Some(Ok(_)) => {}
            other => return Err(format!("no pong: {other:?}")),
        }
    }
}

/// In the place of a status: the request is heard and never answered.
pub const NO_ANSWER: &str = "no answer";

/// What makes the answers of paths that begin so.
type Makers = Arc<Mutex<Vec<(String, fn(&str) -> String)>>>;

/// An HTTP server that answers each path that begins so with this body.
pub struct Rest {
    address: SocketAddr,
    answers: Arc<Mutex<Vec<(String, String, String)>>>,
    made: Makers,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Rest {
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers: Arc<Mutex<Vec<(String, String, String)>>> = Arc::default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let made: Makers = Arc::default();
        let (known, makers, paths) = (Arc::clone(&answers), Arc::clone(&made), Arc::clone(&asked));
        std::thread::spawn(move || {
            use std::io::{BufRead, BufReader, Write};
            let mut kept = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let _ = reader.read_line(&mut head);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                    line.clear();
                }
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                paths.lock().unwrap().push(path.clone());
                let found = known.lock().unwrap().iter().find(|(begin, ..)| path.starts_with(begin.as_str())).cloned();
                let maker = makers.lock().unwrap().iter().find(|(begin, _)| path.starts_with(begin.as_str())).cloned();
                let found = maker.map(|(begin, make)| (begin, "200 OK".to_owned(), make(&path))).or(found);
                let (_, status, body) = found.unwrap_or((String::new(), "404 Not Found".into(), String::new()));
                if status == NO_ANSWER {
                    kept.push(stream);
                    continue;
                }
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Self { address, answers, made, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn answer(&self, path: &str, body: &str) {
        self.answer_with(path, "200 OK", body);
    }

    /// Makes the answer of the whole path that is asked.
    pub fn answer_by(&self, path: &str, make: fn(&str) -> String) {
        self.made.lock().unwrap().push((path.to_owned(), make));
    }

    /// With a status such as `503 Service Unavailable`.
    pub fn answer_with(&self, path: &str, status: &str, body: &str) {
        let mut answers = self.answers.lock().unwrap();
        answers.retain(|(known, ..)| known != path);
        answers.push((path.to_owned(), status.to_owned(), body.to_owned()));
    }

    /// The paths that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}
