//! Debian's Chromium without a window, driven by its chromedriver over WebDriver (<https://www.w3.org/TR/webdriver2/>):
//! JSON over HTTP, which is little enough to speak here. `scripts/browser` installs both.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::wait_until;

/// Switches it runs with: as root, on a machine without graphics, and without calling home.
const SWITCHES: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
/// A browser may take its time on a busy machine; this long it is dead.
const PATIENCE: Duration = Duration::from_secs(180);

/// A browser with one window, which ends with it.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// None, and says so, where there is no Chromium.
    pub fn open() -> Option<Self> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let has_chromium =
            Command::new("chromium").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let (Ok(mut driver), Ok(_)) = (command.spawn(), has_chromium) else {
            eprintln!("skipped: no chromium and chromedriver here; scripts/browser installs them");
            return None;
        };
        let said = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let started = said.filter_map(|line| line.split_once("successfully on port ").map(|(_, port)| port.to_owned()));
        let port = started.take(1).next().expect("chromedriver says its port").trim_end_matches('.').parse().unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self { driver, port, session: String::new(), _profile: profile };
        let mut switches: Vec<String> = SWITCHES.map(str::to_owned).into();
        switches.push(format!("--user-data-dir={}", browser._profile.path().display()));
        let wanted = json!({
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": switches},
            // A dialogue that a page opens stays, so that it is found.
            "unhandledPromptBehavior": "ignore",
        });
        let session = browser.ask("POST", "/session", &json!({"capabilities": {"alwaysMatch": wanted}}));
        browser.session =
            session.unwrap_or_else(|error| panic!("no session: {error}"))["sessionId"].as_str().unwrap().to_owned();
        Some(browser)
    }

    /// One request; the value it answers, or the error.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = if method == "POST" { body.to_string() } else { String::new() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = BufReader::new(stream);
        let (mut status, mut length) = (String::new(), 0);
        answer.read_line(&mut status).unwrap();
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).unwrap();
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap()
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut text = vec![0; length];
        answer.read_exact(&mut text).unwrap();
        let mut value: Value = serde_json::from_slice(&text).unwrap();
        if status.contains(" 200 ") { Ok(value["value"].take()) } else { Err(value["value"].take()) }
    }

    #[track_caller]
    fn command(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}/{path}", self.session), body)
            .unwrap_or_else(|error| panic!("{path}: {}", error["message"]))
    }

    /// Opens a page.
    #[track_caller]
    pub fn go(&self, url: &str) {
        self.command("url", &json!({"url": url}));
    }

    /// Runs a script in the page, and answers what it returns.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []}))
    }

    /// What stands on the page, as a person reads it.
    #[track_caller]
    pub fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap().to_owned()
    }

    /// Waits until the script returns true; fails with the page's text.
    #[track_caller]
    pub fn wait_for(&self, what: &str, script: &str) {
        let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until(what, || self.run(script) == true);
        }));
        assert!(waited.is_ok(), "waited in vain until {what}:\n{}", self.text());
    }

    /// Presses the mouse upon an element, holds it for a while, and lets go, as a hand does.
    #[track_caller]
    pub fn click(&self, selector: &str, held: Duration) {
        // By its place: the element itself may be replaced by a newer one at any moment.
        let place = self.run(&format!(
            "const box = document.querySelector({}).getBoundingClientRect(); \
             return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)]",
            json!(selector)
        ));
        let steps = json!([
            {"type": "pointerMove", "duration": 0, "origin": "viewport", "x": place[0], "y": place[1]},
            {"type": "pointerDown", "button": 0},
            {"type": "pause", "duration": held.as_millis() as u64},
            {"type": "pointerUp", "button": 0},
        ]);
        self.command("actions", &json!({"actions": [{"type": "pointer", "id": "hand", "actions": steps}]}));
    }

    /// Sends a command of the DevTools protocol.
    #[track_caller]
    pub fn tool(&self, command: &str, parameters: &Value) {
        self.command("goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    /// What scripts wrote, and what the browser refused to load or to run.
    #[track_caller]
    pub fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({"type": "browser"}));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Whether a page opened a dialogue.
    pub fn has_dialogue(&self) -> bool {
        self.ask("GET", &format!("/session/{}/alert/text", self.session), &Value::Null).is_ok()
    }

    /// A picture of the window, as PNG in base 64.
    #[track_caller]
    pub fn screenshot(&self) -> String {
        let answer = self.ask("GET", &format!("/session/{}/screenshot", self.session), &Value::Null);
        answer.unwrap_or_else(|error| panic!("{error}")).as_str().unwrap().to_owned()
    }

    /// Makes the window so large.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) {
        self.command("window/rect", &json!({"width": width, "height": height}));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser when its session ends, and only then.
        let path = format!("/session/{}", self.session);
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.ask("DELETE", &path, &Value::Null)));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
