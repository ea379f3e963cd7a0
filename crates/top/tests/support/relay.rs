//! A relay that makes a server's module one of another version: some words of requests and replies pass as others of
//! the same length, so that the module lacks a command and replies lack fields and have some that nobody knows.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

use super::Server;

/// A word, and what passes in its place.
pub type Word = (&'static str, &'static str);

/// Relays to a server's socket, and answers the address to be used in its place.
pub fn relay(server: &Server, asked: &'static [Word], answered: &'static [Word]) -> String {
    assert!(asked.iter().chain(answered).all(|(word, other)| word.len() == other.len()), "lengths are part of replies");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = server.socket();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(upstream) = UnixStream::connect(&socket) else { return };
            let (from, to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            let shut = client.try_clone().unwrap();
            thread::spawn(move || {
                pass(from, &to, asked);
                let _ = to.shutdown(Shutdown::Both);
            });
            thread::spawn(move || {
                pass(upstream, client, answered);
                let _ = TcpStream::shutdown(&shut, Shutdown::Both);
            });
        }
    });
    format!("redis://127.0.0.1:{port}/")
}

fn pass(mut from: impl Read, mut to: impl Write, words: &[Word]) {
    let mut held = Vec::new();
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        held.extend_from_slice(&buffer[..count]);
        for (word, other) in words {
            let places: Vec<usize> =
                (0..held.len()).filter(|place| held[*place..].starts_with(word.as_bytes())).collect();
            for place in places {
                held[place..place + word.len()].copy_from_slice(other.as_bytes());
            }
        }
        // The beginning of a word waits for its rest. What is sent ends with a line, and no word begins with its end.
        let begun = |word: &str| (1..word.len()).rev().find(|length| held.ends_with(&word.as_bytes()[..*length]));
        let kept = words.iter().filter_map(|(word, _)| begun(word)).max().unwrap_or(0);
        let passed: Vec<u8> = held.drain(..held.len() - kept).collect();
        if to.write_all(&passed).is_err() {
            return;
        }
    }
}
