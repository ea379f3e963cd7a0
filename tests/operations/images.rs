//! The Dockerfile and compose.yml, as far as they can be judged without an engine: what is copied is there, nothing runs as
//! root, every image is watched.

use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

/// Stages by name, each with its instructions, continued lines joined.
fn stages() -> Vec<(String, Vec<String>)> {
    let mut stages: Vec<(String, Vec<String>)> = Vec::new();
    let text = read("docker/Dockerfile").replace("\\\n", " ");
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("FROM ").and_then(|rest| rest.split_once(" AS ")) {
            Some((_, name)) => stages.push((name.to_owned(), Vec::new())),
            None => stages.last_mut().unwrap().1.push(line.to_owned()),
        }
    }
    stages
}

#[test]
fn images_run_as_nobody_of_weight_and_are_watched() {
    let stages = stages();
    let (build, images) = stages.split_first().unwrap();
    assert_eq!(build.0, "build");
    assert!(build.1.iter().any(|line| line.contains("cargo build --release --locked")), "what is locked is built");
    assert!(images.len() >= 2);
    for (name, lines) in images {
        let user = lines.iter().rev().find_map(|line| line.strip_prefix("USER "));
        // By number, as Kubernetes' runAsNonRoot asks.
        let number = user.and_then(|user| user.split(':').next()?.parse::<u32>().ok());
        assert!(number.is_some_and(|number| number > 0), "{name} runs as {user:?}");
        assert!(lines.iter().any(|line| line.starts_with("HEALTHCHECK ")), "{name} is not watched");
        assert!(lines.iter().any(|line| line.starts_with("VOLUME ")), "{name} keeps nothing");
        for line in lines.iter().filter(|line| line.contains("apt-get install")) {
            assert!(line.contains("--no-install-recommends") && line.contains("rm -rf /var/lib/apt/lists"), "{line}");
        }
    }
}

#[test]
fn what_images_copy_is_there_and_not_ignored() {
    let ignored = read(".dockerignore");
    let ignored: Vec<&str> = ignored.lines().collect();
    assert!(ignored.contains(&"target") && ignored.contains(&".git"), "{ignored:?}");
    for (name, lines) in stages() {
        for line in
            lines.iter().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from"))
        {
            let mut words: Vec<&str> = line.split(' ').collect();
            words.pop();
            for source in words {
                assert!(Path::new(ROOT).join(source).exists(), "{name} copies {source}");
                assert!(!ignored.contains(&source), "{name} copies {source}, which is ignored");
            }
        }
    }
}

#[test]
fn the_composition_builds_stages_that_are_there() {
    let compose = read("docker/compose.yml");
    let stages: Vec<String> = stages().into_iter().map(|(name, _)| name).collect();
    let targets: Vec<&str> = compose.lines().filter_map(|line| line.trim().strip_prefix("target: ")).collect();
    assert_eq!(targets.len(), 3);
    assert!(targets.iter().all(|target| stages.iter().any(|stage| stage == target)), "{targets:?} of {stages:?}");
    // Neither the server, which has no password, nor figures and pages are offered to other machines.
    let ports: Vec<&str> = compose.lines().filter(|line| line.contains("_PORT:-")).collect();
    assert!(ports.len() == 3 && ports.iter().all(|line| line.contains("\"127.0.0.1:")), "{ports:?}");
    assert!(compose.contains("mem_limit: 256m") && compose.contains("redis-256mb.conf"));
}

#[test]
fn the_dockerfile_passes_its_linter() {
    let installed = Path::new(ROOT).join("target/hadolint-venv/bin/hadolint");
    let program = if installed.exists() { installed } else { "hadolint".into() };
    match Command::new(program).args(["--no-color", "docker/Dockerfile"]).current_dir(ROOT).output() {
        Ok(output) => {
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
            assert!(output.status.success(), "{said}");
        }
        Err(_) => println!("hadolint is not installed (scripts/hadolint): the Dockerfile is not linted"),
    }
}
