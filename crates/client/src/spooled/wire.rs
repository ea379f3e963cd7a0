//! What goes to one key over a connection, and what the answers mean.

use std::time::Duration;

use liq_core::liq::request::{decode_events, encode_events};
use liq_spool::{Batch, Consignment};
use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};
use tokio::time::timeout;

use crate::batcher::passes;
use crate::{BatchReply, Error, Reply, SeriesOptions, command};

/// How long an answer is awaited; the connection may have a patience of its own.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The code of what [`is_lacking`] tells; redis' own for a write that wants more replicas than there are.
const LACKING: &str = "NOREPLICAS";

/// What holds for every delivery.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    /// The options of a key that has to be made.
    pub(super) series: Option<SeriesOptions>,
    /// How many replicas must have it, and how long they are waited for.
    pub(super) replicas: Option<(usize, Duration)>,
}

/// Why a key's batches did not arrive.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// Which batch was refused, from 0.
    pub(super) batch: usize,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, batch: 0 }
    }
}

/// Who answers.
pub(super) struct Answering {
    /// The process; nothing of a cluster, where any of the nodes may be it, and where nobody tells.
    pub(super) identity: Option<String>,
    /// Whether it takes writes, as far as it tells.
    pub(super) is_master: bool,
}

/// Asks who answers.
pub(super) async fn who_answers<C: redis::aio::ConnectionLike>(connection: &mut C) -> Result<Answering, Error> {
    let command = redis::cmd("INFO").arg("server").arg("replication").to_owned();
    let info = match within(command.query_async::<String>(connection)).await {
        Ok(info) => info,
        Err(error) if passes(&error) => return Err(error),
        // Who may not ask does without.
        Err(_) => String::new(),
    };
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let identity = field("run_id").filter(|_| field("redis_mode") != Some("cluster")).map(str::to_owned);
    Ok(Answering { identity, is_master: field("role") != Some("slave") })
}

/// Whether fewer replicas have it than must. It is asked again over the same connection: over another one a server takes
/// every replica for one that has it.
pub(super) fn is_lacking(error: &Error) -> bool {
    matches!(error, Error::Redis(error) if error.code() == Some(LACKING))
}

/// Sends what goes to one key, together or not at all: were one batch refused and the next taken, the first could never be
/// counted. `is_made` is whether the key was made sure of over this connection.
pub(super) async fn send<C>(
    mut connection: C,
    one: &Consignment,
    terms: &Terms,
    is_made: bool,
) -> Result<Vec<BatchReply>, Failure>
where
    C: redis::aio::ConnectionLike + Send + Sync + 'static,
{
    let creation = terms.series.as_ref().map(|options| command::liq_create_nx(&*one.series.key, options));
    if let Some(creation) = creation.as_ref().filter(|_| !is_made) {
        // By itself: were it refused, the batch behind it would make the key with the module's defaults.
        within(creation.query_async::<Value>(&mut connection)).await?;
    }
    let pipeline = pipeline_of(one, creation, terms);
    let sending = connection.req_packed_commands(&pipeline, 0, pipeline.len());
    let mut replies = within(sending).await?.into_iter();
    if terms.series.is_some() {
        // A key that is gone was made anew, or not; nobody has to know.
        replies.next();
    }
    let answers = match one.batches.len() {
        1 => replies.by_ref().take(1).collect(),
        batches => executed(&mut replies, batches)?,
    };
    let mut counts = Vec::with_capacity(answers.len());
    for (batch, answer) in answers.into_iter().enumerate() {
        counts.push(counts_of(answer).map_err(|error| Failure { error, batch })?);
    }
    match terms.replicas {
        Some((wanted, _)) => enough(wanted, replies.next()).map(|()| counts).map_err(Failure::from),
        None => Ok(counts),
    }
}

fn pipeline_of(one: &Consignment, creation: Option<Cmd>, terms: &Terms) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(one.batches.len() + 4);
    if let Some(creation) = creation {
        pipeline.add_command(creation);
    }
    let together = one.batches.len() != 1;
    if together {
        pipeline.cmd("MULTI");
    }
    for Batch { seq, bodies, .. } in &one.batches {
        let events: Vec<_> = bodies.iter().filter_map(|body| decode_events(body, 1).ok()?.pop()).collect();
        let mut command: Cmd = redis::cmd("LIQ.MADDPACK");
        command.arg(&*one.series.key).arg(encode_events(&events)).arg("BATCH").arg(&*one.producer).arg(*seq);
        pipeline.add_command(command);
    }
    if together {
        pipeline.cmd("EXEC");
    }
    if let Some((replicas, patience)) = terms.replicas {
        pipeline.cmd("WAIT").arg(replicas).arg(patience.as_millis() as u64);
    }
    pipeline
}

/// The answers to what was sent between MULTI and EXEC; where it was not executed, why.
fn executed(replies: &mut impl Iterator<Item = Value>, commands: usize) -> Result<Vec<Value>, Error> {
    // OK, and QUEUED or a refusal for each.
    let queued: Vec<Value> = replies.by_ref().take(commands + 1).collect();
    let answer = replies.next().unwrap_or(Value::Nil);
    for reply in queued {
        reply.extract_error()?;
    }
    match answer {
        Value::Array(answers) if answers.len() == commands => Ok(answers),
        other => {
            other.extract_error()?;
            Err(RedisError::from((redis::ErrorKind::UnexpectedReturnType, "EXEC answered something else")).into())
        }
    }
}

fn counts_of(answer: Value) -> Result<BatchReply, Error> {
    let reply: Reply<BatchReply> = redis::from_redis_value(answer.extract_error()?).map_err(RedisError::from)?;
    Ok(reply.into_inner())
}

fn enough(wanted: usize, answer: Option<Value>) -> Result<(), Error> {
    let have = match answer {
        Some(Value::Int(have)) if usize::try_from(have).is_ok_and(|have| have >= wanted) => return Ok(()),
        Some(Value::Int(have)) => have,
        other => {
            other.unwrap_or(Value::Nil).extract_error()?;
            0
        }
    };
    let why = format!("{have} of {wanted} replicas have the events");
    Err(redis::make_extension_error(LACKING.to_owned(), Some(why)).into())
}

/// The answer, or that there was none for too long.
pub(super) async fn within<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, Error> {
    match timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer.map_err(Error::from),
        Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)).into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn refusal(code: &str) -> Value {
        let reply = format!("-{code} item 1: price: too small, got '0'\r\n");
        redis::parse_redis_value(reply.as_bytes()).unwrap()
    }

    fn answers(replies: Vec<Value>) -> Result<usize, String> {
        let answers = executed(&mut replies.into_iter(), 2).map_err(|error| error.to_string())?;
        // Which of them is refused.
        Ok(answers.into_iter().position(|answer| counts_of(answer).is_err()).unwrap())
    }

    #[test]
    fn of_what_was_sent_together_it_is_known_which_was_refused() {
        let queued = || vec![Value::Okay, Value::SimpleString("QUEUED".into()), Value::SimpleString("QUEUED".into())];
        let whole = |last: Value| queued().into_iter().chain([last]).collect::<Vec<_>>();
        assert_eq!(answers(whole(Value::Array(vec![refusal("ERR"), Value::Nil]))), Ok(0));
        assert!(answers(whole(Value::Nil)).is_err() && answers(queued()).is_err());
        // Refused before it was executed: that is why, and not that nothing was.
        let aborted = vec![Value::Okay, refusal("OOM"), Value::SimpleString("QUEUED".into()), refusal("EXECABORT")];
        assert!(answers(aborted).unwrap_err().contains("item 1"));
    }

    #[test]
    fn replicas_that_lack_it_are_waited_for() {
        assert!(enough(2, Some(Value::Int(2))).is_ok());
        for answer in [Some(Value::Int(1)), Some(Value::Int(-1)), None] {
            let error = enough(2, answer).unwrap_err();
            assert!(is_lacking(&error) && passes(&error), "{error}");
        }
    }
}
