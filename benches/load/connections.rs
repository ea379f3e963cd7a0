//! Connections that keep the server busy: while one waits for its replies, the requests of all others are under way.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::resp;

/// Connections of one client, each with one pipeline under way.
pub struct Connections {
    open: Vec<Connection>,
    /// Whose turn it is.
    next: usize,
}

struct Connection {
    stream: TcpStream,
    /// Replies still to come.
    awaited: usize,
    /// The start of a reply whose rest has not come yet.
    partial: Vec<u8>,
}

impl Connections {
    pub fn open(port: u16, count: usize) -> Self {
        let connect = |_| {
            let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
            stream.set_nodelay(true).expect("a socket option");
            Connection { stream, awaited: 0, partial: Vec::new() }
        };
        Self { open: (0..count).map(connect).collect(), next: 0 }
    }

    /// Connections that read RESP3.
    pub fn open_resp3(port: u16, count: usize) -> Self {
        let mut connections = Self::open(port, count);
        let mut hello = Vec::new();
        resp::request(&mut hello, &["HELLO", "3"]);
        connections.run(&vec![(hello, 1); count]);
        connections
    }

    /// Sends pipelines of encoded requests, each `(bytes, how many replies)`, in order, and waits for all replies.
    pub fn run(&mut self, pipelines: &[(Vec<u8>, usize)]) {
        for (bytes, replies) in pipelines {
            let connection = &mut self.open[self.next];
            connection.finish();
            connection.stream.write_all(bytes).expect("the server reads");
            connection.awaited = *replies;
            self.next = (self.next + 1) % self.open.len();
        }
        self.open.iter_mut().for_each(Connection::finish);
    }
}

impl Connection {
    fn finish(&mut self) {
        let mut chunk = [0_u8; 64 * 1024];
        while self.awaited > 0 {
            let read = self.stream.read(&mut chunk).expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            // Most reads end with a reply, so that nothing has to be kept.
            let kept = std::mem::take(&mut self.partial);
            let bytes = if kept.is_empty() { &chunk[..read] } else { &[kept.as_slice(), &chunk[..read]].concat() };
            let mut used = 0;
            while self.awaited > 0 {
                let Some(len) = resp::reply_len(&bytes[used..]) else { break };
                used += len;
                self.awaited -= 1;
            }
            self.partial.extend_from_slice(&bytes[used..]);
        }
    }
}
