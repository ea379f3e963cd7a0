//! Options: a keyword and its value, each at most once.

use super::{Args, RequestError};

/// Reads the value of the option `name`, just taken, into `slot`; a second one is refused.
pub fn set_once<T>(
    slot: &mut Option<T>,
    name: &'static str,
    args: &mut Args<'_>,
    parse: impl FnOnce(&'static str, &[u8]) -> Result<T, RequestError>,
) -> Result<(), RequestError> {
    let text = args.value_of(name)?;
    if slot.is_some() {
        return Err(RequestError::repeated(name, text));
    }
    *slot = Some(parse(name, text)?);
    Ok(())
}

/// Takes the keyword `name` where it is next; a second one is refused.
pub fn take_flag(flag: &mut bool, name: &str, args: &mut Args<'_>) -> Result<bool, RequestError> {
    let Some(word) = args.peek().filter(|_| args.clone().take_keyword(name)) else { return Ok(false) };
    args.next();
    if std::mem::replace(flag, true) { Err(RequestError::repeated(name.to_owned(), word)) } else { Ok(true) }
}

/// Appends `name value` when there is a value.
pub fn push_option(out: &mut Vec<Vec<u8>>, name: &str, value: Option<impl ToString>) {
    if let Some(value) = value {
        out.push(name.into());
        out.push(value.to_string().into_bytes());
    }
}
