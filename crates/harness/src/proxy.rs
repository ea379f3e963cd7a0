//! A relay in front of a server that fails as told: it drops, delays, stalls, cuts in the middle of a reply, loses
//! replies with their connection, or answers every command with an error of its own.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::Server;

/// What the relay does with what passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fault {
    /// Passes everything on.
    #[default]
    None,
    /// Takes no connection: one that is opened is cut at once.
    Refuse,
    /// Passes replies on after so long.
    Delay(Duration),
    /// Passes each command on after so long, as a link does that is too narrow.
    Slow(Duration),
    /// Keeps connections open and passes nothing on, in either direction, until the fault is another.
    Stall,
    /// Lets so many more bytes of replies pass, of all connections, then cuts: the server has done what it was asked.
    CutAfter(usize),
    /// Loses each `every`th reply that holds `holding`, with its connection: the server has done what it was asked.
    Lose {
        /// One of so many is lost.
        every: usize,
        /// What a reply must hold to count.
        holding: &'static str,
    },
    /// Answers every command but those that open a connection with this error, such as
    /// `READONLY You can't write against a read only replica.`; nothing reaches the server.
    Answer(&'static str),
}

/// A relay on a port of 127.0.0.1.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    fault: Fault,
    /// Replies that held what [`Fault::Lose`] looks for.
    seen: usize,
    lost: usize,
    commands: usize,
    streams: Vec<(TcpStream, UnixStream)>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panicked")
    }

    /// The fault of now, when it lets anything pass.
    fn fault_that_passes(&self) -> Fault {
        let state = self.state();
        self.changed.wait_while(state, |state| state.fault == Fault::Stall).expect("no thread panicked").fault.clone()
    }
}

impl Proxy {
    /// A relay before `server`'s socket.
    #[track_caller]
    pub fn before(server: &Server) -> Self {
        Self::to_socket(&server.socket())
    }

    /// A relay before the server that listens, now or later, on this socket.
    #[track_caller]
    pub fn to_socket(socket: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared =
            Arc::new(Shared { server: socket.to_owned(), state: Mutex::default(), changed: Condvar::default() });
        let relays = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if relays.state().fault != Fault::Refuse
                    && let Ok(upstream) = UnixStream::connect(&relays.server)
                {
                    // A connection that is gone before it began needs no relay.
                    let _ = relay(&relays, &client, &upstream);
                }
            }
        });
        Self { port, shared }
    }

    /// Its address for redis-rs.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on does this. Refusing and answering by itself cut the connections that stand, so that no reply of the
    /// server is still on its way.
    pub fn set(&self, fault: Fault) {
        let cuts = matches!(fault, Fault::Refuse | Fault::Answer(_));
        {
            let mut state = self.shared.state();
            state.fault = fault;
            state.seen = 0;
        }
        self.shared.changed.notify_all();
        if cuts {
            self.cut();
        }
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        for (client, server) in self.shared.state().streams.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }

    /// How many replies were lost ([`Fault::Lose`], [`Fault::CutAfter`]).
    pub fn lost(&self) -> usize {
        self.shared.state().lost
    }

    /// How many commands came through, whatever became of them.
    pub fn commands(&self) -> usize {
        self.shared.state().commands
    }
}

fn relay(shared: &Arc<Shared>, client: &TcpStream, upstream: &UnixStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    shared.state().streams.push((client.try_clone()?, upstream.try_clone()?));
    let (from_client, to_server, answers) = (client.try_clone()?, upstream.try_clone()?, client.try_clone()?);
    let requests = Arc::clone(shared);
    thread::spawn(move || {
        let _ = pass_requests(&requests, from_client, &to_server, answers);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let (from_server, to_client, replies) = (upstream.try_clone()?, client.try_clone()?, Arc::clone(shared));
    thread::spawn(move || {
        let _ = pass_replies(&replies, from_server, &to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// Commands, one by one, as an answer of our own is one for each.
fn pass_requests(shared: &Shared, mut from: TcpStream, mut to: &UnixStream, mut answers: TcpStream) -> io::Result<()> {
    let mut pending = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        pending.extend_from_slice(&buffer[..count]);
        while let Some((length, name)) = first_command(&pending) {
            let command: Vec<u8> = pending.drain(..length).collect();
            let opens = ["HELLO", "CLIENT", "AUTH", "SELECT"].iter().any(|known| name.eq_ignore_ascii_case(known));
            shared.state().commands += usize::from(!opens);
            if let Fault::Slow(time) = shared.state().fault {
                thread::sleep(time);
            }
            match shared.fault_that_passes() {
                Fault::Answer(line) if !opens => answers.write_all(format!("-{line}\r\n").as_bytes())?,
                _ => to.write_all(&command)?,
            }
        }
    }
}

/// The length and the name of the first command, when it is there whole: an array of bulk strings.
fn first_command(bytes: &[u8]) -> Option<(usize, String)> {
    let mut at = 0;
    let mut header = |bytes: &[u8], skip: usize| {
        at += skip;
        let end = bytes.get(at..)?.windows(2).position(|pair| pair == b"\r\n")?;
        let number = std::str::from_utf8(&bytes[at + 1..at + end]).ok()?.parse::<usize>().ok()?;
        at += end + 2;
        Some((number, at))
    };
    let (count, _) = header(bytes, 0)?;
    let mut name = String::new();
    let mut skip = 0;
    let mut end = 0;
    for place in 0..count {
        let (length, start) = header(bytes, skip)?;
        end = start + length + 2;
        let word = bytes.get(start..end)?;
        if place == 0 {
            name = String::from_utf8_lossy(&word[..length]).into_owned();
        }
        skip = length + 2;
    }
    Some((end, name))
}

fn pass_replies(shared: &Shared, mut from: UnixStream, mut to: &TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        let reply = &buffer[..count];
        match shared.fault_that_passes() {
            Fault::Delay(time) => thread::sleep(time),
            Fault::CutAfter(left) => {
                let passes = left.min(count);
                shared.state().fault = Fault::CutAfter(left - passes);
                if passes < count {
                    shared.state().lost += 1;
                    to.write_all(&reply[..passes])?;
                    return Ok(());
                }
            }
            Fault::Lose { every, holding }
                if holding.is_empty() || reply.windows(holding.len()).any(|part| part == holding.as_bytes()) =>
            {
                let mut state = shared.state();
                state.seen += 1;
                if state.seen.is_multiple_of(every) {
                    state.lost += 1;
                    return Ok(());
                }
            }
            _ => {}
        }
        to.write_all(reply)?;
    }
}
