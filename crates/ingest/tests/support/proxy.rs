//! A relay in front of a server that can be shut, and that can lose replies: the command arrives, its answer does not.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub struct Proxy {
    path: PathBuf,
    state: Arc<State>,
}

struct State {
    is_open: AtomicBool,
    /// Bytes of replies that still pass; negative for all.
    reply_bytes: AtomicI64,
    streams: Mutex<Vec<UnixStream>>,
}

impl Proxy {
    pub fn start(path: &Path, server: &Path) -> Self {
        let listener = UnixListener::bind(path).expect("the folder is writable");
        let state = Arc::new(State {
            is_open: AtomicBool::new(true),
            reply_bytes: AtomicI64::new(-1),
            streams: Mutex::default(),
        });
        let (shared, server) = (Arc::clone(&state), server.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.is_open.load(Ordering::SeqCst)
                    && let Ok(upstream) = UnixStream::connect(&server)
                {
                    relay(&shared, client, upstream);
                }
            }
        });
        Self { path: path.to_owned(), state }
    }

    pub fn url(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// Cuts every connection and takes no more until it is opened.
    pub fn shut(&self) {
        self.state.is_open.store(false, Ordering::SeqCst);
        self.cut();
    }

    pub fn open(&self) {
        self.state.is_open.store(true, Ordering::SeqCst);
    }

    /// Lets so many more bytes of replies pass; then the connection is cut, whatever the server has done.
    pub fn lose_replies_after(&self, bytes: i64) {
        self.state.reply_bytes.store(bytes, Ordering::SeqCst);
    }

    pub fn cut(&self) {
        for stream in self.state.streams.lock().expect("no thread panicked").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn relay(state: &Arc<State>, client: UnixStream, upstream: UnixStream) {
    let both = |stream: &UnixStream| stream.try_clone().expect("a stream can be cloned");
    state.streams.lock().expect("no thread panicked").extend([both(&client), both(&upstream)]);
    let (mut from_client, mut to_server) = (both(&client), both(&upstream));
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let (mut from_server, mut to_client, state) = (upstream, client, Arc::clone(state));
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from_server.read(&mut buffer) {
            let left = state.reply_bytes.load(Ordering::SeqCst);
            if left >= 0 {
                state.reply_bytes.store((left - count as i64).max(-1), Ordering::SeqCst);
                if (count as i64) > left {
                    break;
                }
            }
            if to_client.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
        let _ = from_server.shutdown(Shutdown::Both);
    });
}
