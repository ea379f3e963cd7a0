//! The program `liq-top`: reads the command line and runs what it says.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use liq_top::cli::Cli;
use liq_top::model::View;
use liq_top::picture::Paper;
use liq_top::watch::{Source, Wants};
use liq_top::{once, picture, terminal, watch, web};

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has seen enough, such as `head`.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("liq-top: {error}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run(cli: &Cli) -> Result<(), Box<dyn std::error::Error>> {
    let source = Source::new(&cli.redis_url)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let window_ms = u64::try_from(cli.window.as_millis())?;
    if cli.once {
        let snapshot = runtime.block_on(watch::once(&source, window_ms))?;
        let text = if cli.json { once::json(&snapshot)? } else { once::text(&snapshot) };
        std::io::stdout().lock().write_all(text.as_bytes())?;
        return Ok(());
    }
    if let (Some(file), Some(symbol)) = (&cli.svg, &cli.symbol) {
        let (row, detail) = runtime.block_on(watch::closely(&source, window_ms, symbol.as_bytes()))?;
        let picture = picture::svg(&row, &detail, Paper::White)?;
        if file.as_os_str() == "-" {
            std::io::stdout().lock().write_all(picture.as_bytes())?;
        } else {
            std::fs::write(file, picture).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        return Ok(());
    }
    if cli.web.is_none() && !std::io::stdout().is_terminal() {
        return Err("standard output is no terminal: say --once for a picture as text".into());
    }
    let (out, view) = tokio::sync::watch::channel(View::new(&source.address));
    let (wants, wanted) = tokio::sync::watch::channel(Wants { window_ms, open: Vec::new() });
    // A value of any kind means no colours: https://no-color.org
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let refresh = cli.refresh;
    runtime.block_on(async {
        tokio::spawn(watch::run(source, refresh, wanted, out));
        match cli.web {
            Some(address) => web::run(address, cli.token.clone(), view, wants).await,
            None => terminal::run(view, wants, window_ms, colours).await,
        }
    })?;
    Ok(())
}
