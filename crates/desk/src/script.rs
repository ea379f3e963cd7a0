//! Lua that the server keeps: a step that must not tear, sent by its digest.

#[cfg(any(feature = "cache", feature = "queue"))]
use redis::Pipeline;
use redis::{Cmd, Value};

use crate::{Error, Link};

/// One script, its text and digest.
pub(crate) struct Script {
    code: &'static str,
    compiled: redis::Script,
}

impl Script {
    pub(crate) fn new(code: &'static str) -> Self {
        Self { code, compiled: redis::Script::new(code) }
    }

    /// The command that runs it where the server knows it.
    pub(crate) fn by_digest(&self, keys: &[&str], args: &[&[u8]]) -> Cmd {
        call("EVALSHA", self.compiled.get_hash(), keys, args)
    }

    /// Runs it, by its text where the server does not know it: after a restart, or on another node.
    pub(crate) async fn run(&self, link: &Link, keys: &[&str], args: &[&[u8]]) -> Result<Value, Error> {
        match link.send(&self.by_digest(keys, args)).await {
            Err(Error::Refused(line)) if line.starts_with("NOSCRIPT") => {
                link.send(&call("EVAL", self.code, keys, args)).await
            }
            answer => answer,
        }
    }

    /// Sends runs of this script together. Where the server does not know it none of them ran; they are sent again
    /// behind the text.
    #[cfg(any(feature = "cache", feature = "queue"))]
    pub(crate) async fn run_all(&self, link: &Link, runs: &Pipeline) -> Result<Vec<Result<Value, Error>>, Error> {
        let mut answers = link.send_each(runs).await?;
        let unknown =
            |answer: &Result<Value, Error>| matches!(answer, Err(Error::Refused(line)) if line.starts_with("NOSCRIPT"));
        if !answers.iter().any(unknown) {
            return Ok(answers);
        }
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(self.code);
        link.send(&load).await?;
        // Only those that did not run: somebody else may have sent the text in between.
        let mut again = Pipeline::new();
        for (run, _) in runs.cmd_iter().zip(&answers).filter(|(_, answer)| unknown(answer)) {
            again.add_command(run.clone());
        }
        let second = link.send_each(&again).await?;
        for (slot, answer) in answers.iter_mut().filter(|answer| unknown(answer)).zip(second) {
            *slot = answer;
        }
        Ok(answers)
    }
}

fn call(name: &str, body: &str, keys: &[&str], args: &[&[u8]]) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(body).arg(keys.len()).arg(keys).arg(args);
    command
}
