//! Who may see the pages: on this machine everybody, from elsewhere those who have the token.

use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};

use hyper::Uri;
use hyper::header::{COOKIE, HOST, HeaderMap};

/// The cookie that holds the token once it was shown.
const NAME: &str = "liq-top";

/// The rule.
#[derive(Debug, Clone)]
pub struct Gate {
    token: Option<String>,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Pass,
    /// The token was in the address: it is put into this cookie, and the browser sent on to this place without it.
    Admit(String, String),
    /// It is refused, and why.
    Refuse(&'static str),
}

impl Gate {
    /// Beyond this machine there is always a token: the one that is given, else one of chance.
    pub fn new(bound: SocketAddr, token: Option<String>) -> std::io::Result<Self> {
        let token = match token {
            Some(token) => Some(token),
            None if bound.ip().is_loopback() => None,
            None => Some(chance()?),
        };
        Ok(Self { token })
    }

    /// Where the pages are.
    pub fn url(&self, bound: SocketAddr) -> String {
        let token = self.token.as_ref().map(|token| format!("?token={token}")).unwrap_or_default();
        format!("http://{bound}/{token}")
    }

    /// Judges a request.
    pub fn judge(&self, headers: &HeaderMap, uri: &Uri) -> Verdict {
        let Some(token) = &self.token else {
            // Another site's page may have its name point here: it must not read what is meant for this machine.
            let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            return if is_local(host) {
                Verdict::Pass
            } else {
                Verdict::Refuse("this address is for this machine only\n")
            };
        };
        if parameter(uri, "token").is_some_and(|given| is_same(given, token)) {
            let cookie = format!("{NAME}={token}; HttpOnly; SameSite=Strict; Path=/");
            return Verdict::Admit(cookie, uri.path().to_owned());
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut values = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        if values.any(|(name, value)| name == NAME && is_same(value, token)) {
            Verdict::Pass
        } else {
            Verdict::Refuse("the token is missing: open the address that liq-top printed\n")
        }
    }
}

/// A parameter of the address; ours need no decoding.
pub fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(found, _)| *found == name).map(|(_, value)| value).next()
}

/// A token that is fit for addresses and cookies.
pub fn token(text: &str) -> Result<String, String> {
    let is_fit = text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_fit { Ok(text.to_owned()) } else { Err("must be 16 or more letters, digits, - and _".to_owned()) }
}

/// Whether a name in an address means this machine.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// In a time that does not tell where they differ.
fn is_same(given: &str, token: &str) -> bool {
    let differences = given.bytes().zip(token.bytes()).fold(0, |sum, (left, right)| sum | (left ^ right));
    given.len() == token.len() && differences == 0
}

fn chance() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn headers(name: hyper::header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn this_machine_needs_no_token_but_its_own_name() {
        let gate = Gate::new("127.0.0.1:1".parse().unwrap(), None).unwrap();
        for (host, passes) in [
            ("localhost:8321", true),
            ("127.0.0.1:8321", true),
            ("[::1]:8321", true),
            ("evil.example", false),
            ("", false),
        ] {
            let verdict = gate.judge(&headers(HOST, host), &Uri::from_static("/"));
            assert_eq!(verdict == Verdict::Pass, passes, "{host}");
        }
    }

    #[test]
    fn elsewhere_the_token_is_asked_for() {
        let bound = "0.0.0.0:1".parse().unwrap();
        assert_ne!(Gate::new(bound, None).unwrap().token, Gate::new(bound, None).unwrap().token);
        let gate = Gate::new(bound, Some("0123456789abcdef".to_owned())).unwrap();
        let uri = |text: &'static str| Uri::from_static(text);
        assert!(matches!(gate.judge(&HeaderMap::new(), &uri("/")), Verdict::Refuse(_)));
        assert!(matches!(gate.judge(&HeaderMap::new(), &uri("/?token=0123456789abcdeX")), Verdict::Refuse(_)));
        let admitted = gate.judge(&HeaderMap::new(), &uri("/symbol?token=0123456789abcdef"));
        assert!(matches!(admitted, Verdict::Admit(_, place) if place == "/symbol"));
        let shown = headers(COOKIE, "a=b; liq-top=0123456789abcdef");
        assert_eq!(gate.judge(&shown, &uri("/")), Verdict::Pass);
    }

    #[test]
    fn a_weak_token_is_refused() {
        for text in ["", "short", "0123456789abcde;", "0123456789abcdef\n"] {
            assert!(token(text).is_err(), "{text:?}");
        }
        assert!(token("0123456789abcdef").is_ok());
    }
}
