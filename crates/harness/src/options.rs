//! How a throwaway server is to be started.

use crate::Server;
use crate::log::CUT_SHORT;

/// How a server is to be started.
#[derive(Clone, Default)]
pub struct Options {
    pub(crate) lines: Vec<String>,
    pub(crate) module_args: String,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) without_module: bool,
    pub(crate) tcp: bool,
    pub(crate) cluster: bool,
    pub(crate) expected_warnings: Vec<String>,
}

impl Options {
    /// Adds a line of `redis.conf`, such as `appendonly yes` or `liq.percentile 90`.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Adds lines of `redis.conf`.
    #[must_use]
    pub fn lines(self, lines: &[&str]) -> Self {
        lines.iter().fold(self, |options, line| options.line(*line))
    }

    /// Answers only when the disk has it. Such a server will be killed while it writes: the last command in its file
    /// may then be torn, which it says, and which was not answered.
    #[must_use]
    pub fn durable(self) -> Self {
        let options = self.lines(&["appendonly yes", "appendfsync always"]);
        CUT_SHORT.into_iter().fold(options, Self::expect_warning)
    }

    /// A warning with this text is what the test provokes.
    #[must_use]
    pub fn expect_warning(mut self, text: &str) -> Self {
        self.expected_warnings.push(text.to_owned());
        self
    }

    /// Adds arguments behind `loadmodule path`.
    #[must_use]
    pub fn module_args(mut self, args: &str) -> Self {
        self.module_args = args.to_owned();
        self
    }

    /// Sets a variable of the server's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves the module out.
    #[must_use]
    pub const fn without_module(mut self) -> Self {
        self.without_module = true;
        self
    }

    /// Listens on a free port of 127.0.0.1 too, for replicas and cluster nodes.
    #[must_use]
    pub const fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Runs in cluster mode; slots are not yet assigned.
    #[must_use]
    pub const fn cluster(mut self) -> Self {
        self.cluster = true;
        self.tcp = true;
        self
    }

    /// Starts the server and waits until it answers.
    #[track_caller]
    pub fn start(self) -> Server {
        let mut server = Server::prepare(self);
        server.launch();
        server
    }

    /// Starts the server and returns its log if it ends instead of answering.
    pub fn start_refused(self) -> Result<Server, String> {
        let mut server = Server::prepare(self);
        let launched = server.try_launch();
        if launched.is_err() {
            server.expect_warning("");
        }
        launched.map(|()| server)
    }
}
