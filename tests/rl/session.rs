//! A connection whose replies are compared with a pattern, times included, without depending on the machine's speed.

use std::time::Instant;

use crate::support::{Client, Reply, Server};

/// A connection, and when it was opened.
pub struct Session {
    pub client: Client,
    opened: Instant,
}

impl Session {
    pub fn of(server: &Server) -> Self {
        Self { client: server.connect(), opened: Instant::now() }
    }

    /// Sends `line` and compares the reply with `pattern`: `OK`, an error's beginning, or integers separated by blanks.
    /// `~n` is a time that was n milliseconds when the session began and has become shorter since.
    #[track_caller]
    pub fn expect(&mut self, line: &str, pattern: &str) {
        let reply = self.client.run(line);
        match &reply {
            Reply::Array(items) => self.compare(line, items, pattern),
            Reply::Int(value) => assert_eq!(value.to_string(), pattern, "{line}"),
            Reply::Status(text) => assert_eq!(text, pattern, "{line}"),
            Reply::Error(text) => assert!(text.starts_with(pattern), "{line}: {text}, expected {pattern}"),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[track_caller]
    fn compare(&self, line: &str, items: &[Reply], pattern: &str) {
        let since_ms = i64::try_from(self.opened.elapsed().as_millis()).unwrap() + 1;
        let words: Vec<&str> = pattern.split(' ').collect();
        let values: Vec<i64> = items.iter().map(Reply::int).collect();
        assert_eq!(values.len(), words.len(), "{line}: {values:?}, expected {pattern}");
        for (value, word) in values.iter().zip(words) {
            let fits = match word.strip_prefix('~') {
                Some(most) => {
                    let most: i64 = most.parse().unwrap();
                    (most - since_ms..=most).contains(value)
                }
                None => value.to_string() == word,
            };
            assert!(fits, "{line}: {values:?}, expected {pattern}");
        }
    }

    /// Runs a table of lines and patterns.
    #[track_caller]
    pub fn expect_all(&mut self, table: &[(&str, &str)]) {
        for (line, pattern) in table {
            self.expect(line, pattern);
        }
    }
}
