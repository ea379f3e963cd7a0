//! A primary that is none: it speaks the replication protocol just far enough to feed a replica any commands, as a
//! broken or hostile primary might.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use crc::{CRC_64_REDIS, Crc};

/// An empty RDB file: the header, the end mark and the checksum.
fn empty_rdb() -> Vec<u8> {
    let mut rdb = b"REDIS0009\xff".to_vec();
    let checksum = Crc::<u64>::new(&CRC_64_REDIS).checksum(&rdb);
    rdb.extend(checksum.to_le_bytes());
    rdb
}

/// A primary that listens and has no replica yet.
pub struct Primary {
    listener: TcpListener,
}

/// The connection over which one replica is fed.
pub struct Feed {
    connection: BufReader<TcpStream>,
    /// Bytes of the stream so far, as the replica counts them.
    sent: u64,
}

impl Primary {
    /// Listens on a free port of 127.0.0.1.
    pub fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").expect("a free port") }
    }

    /// What a replica's `redis.conf` says of it.
    pub fn line(&self) -> String {
        let port = self.listener.local_addr().expect("a bound socket has an address").port();
        format!("replicaof 127.0.0.1 {port}")
    }

    /// Waits for a replica and hands it an empty data set.
    #[track_caller]
    pub fn accept(&self) -> Feed {
        let (connection, _) = self.listener.accept().expect("a replica connects");
        let mut feed = Feed { connection: BufReader::new(connection), sent: 0 };
        loop {
            let request = feed.request();
            match request.first().map(|word| word.to_ascii_uppercase()).as_deref() {
                Some("PING") => feed.write(b"+PONG\r\n"),
                Some("PSYNC") => break,
                _ => feed.write(b"+OK\r\n"),
            }
        }
        let rdb = empty_rdb();
        feed.write(format!("+FULLRESYNC {:040} 0\r\n${}\r\n", 1, rdb.len()).as_bytes());
        feed.write(&rdb);
        feed
    }
}

impl Feed {
    /// Sends a command as a part of the stream.
    #[track_caller]
    pub fn send(&mut self, line: &str) {
        let words = super::client::words(line);
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
        self.sent += bytes.len() as u64;
        self.write(&bytes);
    }

    /// Waits until the replica has acknowledged everything sent.
    #[track_caller]
    pub fn wait_for_acknowledgement(&mut self) {
        self.send("REPLCONF GETACK *");
        // The request for it is not counted in the offset that answers it.
        let due = self.sent - "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n".len() as u64;
        loop {
            let request = self.request();
            let is_ack = request.get(1).is_some_and(|word| word.eq_ignore_ascii_case("ACK"));
            let offset = request.get(2).and_then(|offset| offset.parse::<u64>().ok());
            if is_ack && offset.is_some_and(|offset| offset >= due) {
                return;
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.connection.get_mut().write_all(bytes).expect("the replica listens");
    }

    /// One command of the replica: an array of bulk strings.
    fn request(&mut self) -> Vec<String> {
        let count = loop {
            let line = self.line();
            // Replicas send empty lines to keep the connection alive.
            if let Some(count) = line.strip_prefix('*') {
                break count.parse().expect("a length is a number");
            }
            assert!(line.is_empty(), "no command: {line}");
        };
        (0..count).map(|_| self.bulk()).collect()
    }

    fn bulk(&mut self) -> String {
        let len: usize = self.line().trim_start_matches('$').parse().expect("a length is a number");
        let mut bytes = vec![0; len + 2];
        self.connection.read_exact(&mut bytes).expect("the replica finishes what it began");
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.connection.read_line(&mut line).expect("the replica sends text");
        assert!(read > 0, "the replica has gone");
        line.trim_end().to_owned()
    }
}
