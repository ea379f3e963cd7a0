//! `liq-top --web` as a user starts it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use super::{program, wait_until};

/// The program while it serves.
pub struct Site {
    child: Child,
    /// The address that it prints.
    pub url: String,
    /// Its port.
    pub port: u16,
}

impl Site {
    /// Starts it for a server, and waits until it says where it is.
    #[track_caller]
    pub fn open(redis: &str, address: &str, arguments: &[&str]) -> Self {
        let mut command = program(redis);
        command.args(["--refresh", "0.1", "--web", address]).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("liq-top: ").unwrap_or_else(|| panic!("{line}")).to_owned();
        let port = url.split(':').nth(2).unwrap().split('/').next().unwrap().parse().unwrap();
        Self { child, url, port }
    }

    /// Sends a request, and answers what the answer comes over.
    pub fn send(&self, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").unwrap();
        stream
    }

    /// Status, head and body.
    #[track_caller]
    pub fn get(&self, path: &str, headers: &str) -> (u16, String, String) {
        let mut answer = String::new();
        self.send(path, headers).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
    }

    /// A page that is there.
    #[track_caller]
    pub fn page(&self, path: &str) -> String {
        let (status, head, body) = self.get(path, "Host: localhost\r\n");
        assert_eq!(status, 200, "{head}\n{body}");
        assert!(head.to_lowercase().contains("content-security-policy: default-src 'none'"), "{head}");
        body
    }

    /// The contents of a live page as they come.
    pub fn live(&self, path: &str) -> impl Iterator<Item = String> + use<> {
        let lines = BufReader::new(self.send(path, "Host: localhost\r\n")).lines().map_while(Result::ok);
        let data = lines.filter_map(|line| line.strip_prefix("data: ").map(str::to_owned));
        data.map(|text| serde_json::from_str(&text).unwrap())
    }

    /// Where the page of all links to the symbol.
    #[track_caller]
    pub fn link_to(&self, shown: &str) -> String {
        let mut page = String::new();
        wait_until("the symbol is linked", || {
            page = self.page("/");
            page.contains(&format!("\">{shown}</a>"))
        });
        let (before, _) = page.split_once(&format!("\">{shown}</a>")).unwrap();
        before.rsplit("href=\"").next().unwrap().to_owned()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
