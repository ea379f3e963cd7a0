//! The alert rules and the dashboard in `ops`: every figure they name is one that a running program shows, and Prometheus'
//! own tool passes them, where it is to be had.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::in_use::{everything, figures, prometheus_program};

const COLUMNS: u64 = 24;

fn ops(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(ops(path)).unwrap()
}

/// Figures that a text names, each with the labels by which it chooses among their lines.
fn named(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut rest = text;
    while let Some(at) = rest.find("liq_") {
        let is_begin = !rest[..at].ends_with(is_part);
        let word_and_on = &rest[at..];
        let end = word_and_on.find(|letter| !is_part(letter)).unwrap_or(word_and_on.len());
        let (word, on) = word_and_on.split_at(end);
        if is_begin {
            let labels = found.entry(word).or_default();
            let chosen = on.strip_prefix('{').and_then(|on| on.split_once('}')).map_or("", |(chosen, _)| chosen);
            labels.extend(
                chosen.split(',').filter_map(|choice| choice.split(['=', '!']).next()).filter(|it| !it.is_empty()),
            );
        }
        rest = on;
    }
    found
}

fn dashboard() -> Value {
    serde_json::from_str(&text("grafana/redis-liq.json")).unwrap()
}

/// The dashboard's questions.
fn expressions(dashboard: &Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets.map(|target| target["expr"].as_str().unwrap()).collect()
}

#[test]
fn every_figure_that_is_asked_for_is_shown() {
    let mut stage = everything();
    let shown = figures(stage.port);
    let dashboard = dashboard();
    let questions = expressions(&dashboard).join("\n");
    let mut offences = Vec::new();
    for (place, text) in [("alerts", text("prometheus/alerts.yml")), ("dashboard", questions)] {
        let named = named(&text);
        assert!(named.len() > 15, "{place} names {named:?}");
        for (name, labels) in named {
            let lines: Vec<&str> = shown
                .lines()
                .filter(|line| line.strip_prefix(name).is_some_and(|on| on.starts_with([' ', '{'])))
                .collect();
            if lines.is_empty() {
                offences.push(format!("{place}: {name} is not shown"));
            }
            // Prometheus adds the instance.
            for label in labels.into_iter().filter(|label| *label != "instance") {
                if !lines.iter().any(|line| line.contains(&format!("{label}=\""))) {
                    offences.push(format!("{place}: {name} has no label {label}"));
                }
            }
        }
    }
    // And the page names what is shown of the server; numbers that came later are of no known kind.
    let page = std::fs::read_to_string(ops("../docs/ingest.md")).unwrap();
    let kinds = shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    for (name, _) in kinds.filter(|(name, kind)| *kind != "untyped" && name.starts_with("liq_")) {
        if !name.starts_with("liq_ingest_") && !page.contains(&format!("`{name}`")) {
            offences.push(format!("docs/ingest.md: {name} is not named"));
        }
    }
    assert!(offences.is_empty(), "{offences:#?}\n{shown}");
    stage.running.terminate();
}

#[test]
fn the_page_lists_every_alert() {
    let page = std::fs::read_to_string(ops("../docs/operations.md")).unwrap();
    for alert in text("prometheus/alerts.yml").lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(page.contains(&format!("`{alert}`")), "docs/operations.md says nothing of {alert}");
        assert!(text("prometheus/alerts_test.yml").contains(&format!("\"{alert}\"")), "no case makes {alert} fire");
    }
}

#[test]
fn prometheus_own_tool_passes_rules_cases_and_questions() {
    let folder = tempfile::tempdir().unwrap();
    let dashboard = dashboard();
    // The dashboard's questions as rules, with Grafana's variables as it would fill them in.
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (number, expression) in expressions(&dashboard).iter().enumerate() {
        let asked = expression.replace("$__rate_interval", "1m").replace("$instance", ".*");
        rules += &format!("  - record: question:{number}\n    expr: '{asked}'\n");
    }
    let questions = folder.path().join("questions.yml");
    std::fs::write(&questions, rules).unwrap();
    for (words, file) in [
        (["check", "config"], ops("prometheus/prometheus.yml")),
        (["check", "rules"], ops("prometheus/alerts.yml")),
        (["check", "rules"], questions),
        (["test", "rules"], ops("prometheus/alerts_test.yml")),
    ] {
        match Command::new(prometheus_program("promtool")).args(words).arg(&file).output() {
            Ok(output) => {
                let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                assert!(output.status.success() && said.contains("SUCCESS"), "{}: {said}", file.display());
            }
            Err(_) => return println!("promtool is not installed (scripts/prometheus): the rules are not checked"),
        }
    }
}

#[test]
fn the_dashboard_can_be_laid_out() {
    let dashboard = dashboard();
    assert!(
        dashboard["uid"].is_string()
            && dashboard["title"].is_string()
            && dashboard["schemaVersion"].as_u64() >= Some(36)
    );
    let variables: Vec<&str> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "instance"]);
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().filter(|title| !title.is_empty()).expect("a panel has a title");
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: an id twice");
        assert!(["row", "stat", "timeseries"].contains(&panel["type"].as_str().unwrap()), "{title}");
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(place("x") + place("w") <= COLUMNS, "{title}: beyond the edge");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{title}: over another panel");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        let mut letters = BTreeSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert!(letters.insert(target["refId"].as_str().unwrap()), "{title}: a letter twice");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
        assert!(!letters.is_empty() && panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}");
    }
}
