//! A connection that takes a command as one line of words or as raw arguments, and answers with a [`Reply`].

use std::time::Duration;

use redis::ConnectionLike;

use crate::Reply;

/// One connection, RESP2 or RESP3.
pub struct Client {
    connection: redis::Connection,
}

impl Client {
    /// Connects to `url`, which chooses the protocol.
    pub fn open(url: &str) -> redis::RedisResult<Self> {
        let connection = redis::Client::open(url)?.get_connection()?;
        // Only a hung server takes so long; without a limit the test would hang with it.
        connection.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { connection })
    }

    /// Sends a line as one types it in redis-cli: words between blanks; `"…"` keeps blanks and may be empty.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> Reply {
        self.call(&words(line))
    }

    /// Sends `args` as they are; arguments are bytes.
    #[track_caller]
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Reply {
        Reply::from_result(self.try_call(args))
    }

    /// As [`Self::call`], leaving connection errors to the caller.
    pub fn try_call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> redis::RedisResult<redis::Value> {
        let mut command = redis::Cmd::new();
        for arg in args {
            command.arg(arg.as_ref());
        }
        // Not `query`, which makes one error out of a reply that holds one, as EXEC's may.
        self.connection.req_command(&command)
    }

    /// Sends many lines in one pipeline and returns their replies.
    #[track_caller]
    pub fn pipeline<L: AsRef<str>>(&mut self, lines: &[L]) -> Vec<Reply> {
        let mut pipe = redis::Pipeline::with_capacity(lines.len());
        pipe.ignore_errors();
        for line in lines {
            let mut command = redis::Cmd::new();
            for word in words(line.as_ref()) {
                command.arg(word);
            }
            pipe.add_command(command);
        }
        let replies: Vec<redis::Value> = pipe.query(&mut self.connection).expect("the pipeline is answered");
        replies.into_iter().map(Reply::from_value).collect()
    }

    /// Sends one line without waiting for its reply, which [`receive`](Self::receive) gets.
    #[track_caller]
    pub fn send(&mut self, line: &str) {
        let mut command = redis::Cmd::new();
        for word in words(line) {
            command.arg(word);
        }
        self.connection.send_packed_command(&command.get_packed_command()).expect("the server takes the line");
    }

    /// Waits for something the server sends by itself, such as a message of a subscription.
    #[track_caller]
    pub fn receive(&mut self) -> Reply {
        Reply::from_value(self.connection.recv_response().expect("the server sends something"))
    }

    /// Whether something arrives within `wait`.
    pub fn try_receive(&mut self, wait: Duration) -> Option<Reply> {
        self.connection.set_read_timeout(Some(wait)).expect("a timeout is accepted");
        self.connection.recv_response().ok().map(Reply::from_value)
    }

    /// The current `DEBUG DIGEST-VALUE` of a key.
    #[track_caller]
    pub fn digest(&mut self, key: &str) -> String {
        self.call(&["DEBUG", "DIGEST-VALUE", key]).array()[0].text()
    }

    /// A line of `INFO`, such as `used_memory` or `liq_series`.
    #[track_caller]
    pub fn info(&mut self, name: &str) -> String {
        let all = self.run("INFO everything").text();
        let line = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in INFO")).to_owned()
    }

    /// The server's clock, Unix milliseconds.
    #[track_caller]
    pub fn time_ms(&mut self) -> u64 {
        let reply = self.run("TIME");
        let part = |at: usize| reply.array()[at].text().parse::<u64>().expect("TIME answers integers");
        part(0) * 1000 + part(1) / 1000
    }
}

/// So that typed commands of redis-rs and of the client crate go over it too.
impl ConnectionLike for Client {
    fn req_packed_command(&mut self, cmd: &[u8]) -> redis::RedisResult<redis::Value> {
        self.connection.req_packed_command(cmd)
    }

    fn req_packed_commands(
        &mut self,
        cmd: &[u8],
        offset: usize,
        count: usize,
    ) -> redis::RedisResult<Vec<redis::Value>> {
        self.connection.req_packed_commands(cmd, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }

    fn check_connection(&mut self) -> bool {
        self.connection.check_connection()
    }

    fn is_open(&self) -> bool {
        self.connection.is_open()
    }
}

/// The words of a line; a double quote keeps blanks, and `""` is an empty word.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            blank if blank.is_whitespace() && !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    assert!(!quoted, "an open quote in {line}");
    words.extend(word);
    words
}
