//! Asking Redis whether it would take events: whether it answers, knows the module's commands, and is a master.

use redis::Value;

use super::courier::Courier;
use crate::config::KeyTemplate;

/// A symbol that no venue lists.
const NO_SYMBOL: &str = "LIQ-INGEST-PROBE";

/// Asks; what stands in the way otherwise.
pub async fn ask(courier: &mut Courier, key: &KeyTemplate) -> Result<(), String> {
    // A batch of nothing writes nothing, and is refused for every reason for which a batch would be.
    let nothing = redis::cmd("LIQ.MADDPACK").arg(key.expand(NO_SYMBOL, "none")).arg(&[0x90][..]).to_owned();
    let replies = courier.ask(&[nothing]).await.map_err(|error| error.to_string())?;
    match replies.first() {
        Some(Value::ServerError(error)) => {
            let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
            // That it holds no events is what a server says that would take some. Were the user allowed other keys only,
            // events would tell.
            let is_ready = text.starts_with("ERR payload") || (error.code() == "NOPERM" && text.contains("key"));
            if is_ready { Ok(()) } else { Err(text.trim_end().to_owned()) }
        }
        Some(_) => Ok(()),
        None => Err("no answer".to_owned()),
    }
}
