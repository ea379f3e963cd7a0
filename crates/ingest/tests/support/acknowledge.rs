//! How each venue answers a subscription, and refuses one.

use serde_json::{Value, json};

/// The answers to a request; none when it is no subscription. A venue that refuses one topic of a request may refuse the
/// whole of it.
pub fn answers(request: &str, is_refused: impl Fn(&str) -> bool) -> Vec<String> {
    let Ok(request) = serde_json::from_str::<Value>(request) else { return Vec::new() };
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    if request["method"] == "SUBSCRIBE" {
        let bad = texts(&request["params"]).into_iter().find(|topic| is_refused(topic));
        let answer = match bad {
            Some(_) => json!({"error": {"code": 2, "msg": "Invalid request"}, "id": request["id"]}),
            None => json!({"result": null, "id": request["id"]}),
        };
        return vec![answer.to_string()];
    }
    if request["method"] == "public/subscribe" {
        let topics = texts(&request["params"]["channels"]);
        let accepted: Vec<&String> = topics.iter().filter(|topic| !is_refused(topic)).collect();
        return vec![json!({"jsonrpc": "2.0", "id": request["id"], "result": accepted}).to_string()];
    }
    if request["method"] == "public/set_heartbeat" {
        return vec![json!({"jsonrpc": "2.0", "id": request["id"], "result": "ok"}).to_string()];
    }
    if request["event"] == "subscribe" {
        let key = request["key"].as_str().unwrap();
        let channel = if key == "liq:global" { 907 } else { 908 };
        let answer = match is_refused(key) {
            true => {
                json!({"event": "error", "msg": "subscribe: invalid", "code": 10300, "channel": "status", "key": key})
            }
            false => json!({"event": "subscribed", "channel": "status", "chanId": channel, "key": key}),
        };
        return vec![answer.to_string()];
    }
    if request["op"] != "subscribe" {
        return Vec::new();
    }
    if request["req_id"].is_string() {
        let bad = texts(&request["args"]).into_iter().find(|topic| is_refused(topic));
        let said =
            bad.as_ref().map_or("subscribe".to_owned(), |topic| format!("error:handler not found,topic:{topic}"));
        let answer = json!({"success": bad.is_none(), "ret_msg": said, "req_id": request["req_id"], "op": "subscribe"});
        return vec![answer.to_string()];
    }
    let arguments = request["args"].as_array().unwrap();
    let answer = |argument: &Value| match argument.as_str() {
        Some(topic) if is_refused(topic) => {
            json!({"status": 400, "error": format!("Unknown table: {topic}"), "request": {"op": "subscribe", "args": [topic]}})
        }
        Some(topic) => json!({"success": true, "subscribe": topic, "request": {"op": "subscribe", "args": [topic]}}),
        None if is_refused(&argument.to_string()) => {
            json!({"event": "error", "id": request["id"], "code": "60018", "msg": "Wrong URL or channel doesn't exist"})
        }
        None => json!({"event": "subscribe", "arg": argument, "connId": "x"}),
    };
    arguments.iter().map(|argument| answer(argument).to_string()).collect()
}
