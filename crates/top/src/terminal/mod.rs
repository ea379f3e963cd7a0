//! The face on a terminal: `app` knows what is chosen and what a key does, the others draw.

mod app;
mod draw;
mod help;
mod keyspace;
mod panels;
mod style;
mod symbol;
mod table;

use std::io;
use std::time::Duration;

use crossterm::event::{self, Event, KeyEventKind};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::model::View;
use crate::watch::Wants;
pub use app::App;
use app::Then;
pub use draw::frame;

/// How often ages are drawn anew although nothing was read.
const CLOCK: Duration = Duration::from_secs(1);

/// Shows the model until the person or the system asks to end.
pub async fn run(
    mut view: watch::Receiver<View>,
    wants: watch::Sender<Wants>,
    window_ms: u64,
    colours: bool,
) -> io::Result<()> {
    // It also sees to it that a panic leaves the terminal as it was.
    let mut terminal = ratatui::try_init()?;
    let mut keys = listen();
    let mut app = App::new(window_ms, colours);
    let done = show(&mut terminal, &mut view, &wants, &mut app, &mut keys).await;
    let restored = ratatui::try_restore();
    done.and(restored)
}

async fn show(
    terminal: &mut ratatui::DefaultTerminal,
    view: &mut watch::Receiver<View>,
    wants: &watch::Sender<Wants>,
    app: &mut App,
    keys: &mut mpsc::Receiver<io::Result<Event>>,
) -> io::Result<()> {
    let mut clock = tokio::time::interval(CLOCK);
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        app.see(view.borrow_and_update().clone());
        terminal.draw(|frame| draw::frame(frame, app))?;
        tokio::select! {
            changed = view.changed() => if changed.is_err() { return Ok(()) },
            _ = clock.tick() => {}
            event = keys.recv() => match event {
                Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => {
                    if app.press(key) == Then::End {
                        return Ok(());
                    }
                    let wanted = app.wants();
                    wants.send_if_modified(|wants| std::mem::replace(wants, wanted.clone()) != wanted);
                }
                // Another size is drawn like everything else.
                Some(Ok(_)) => {}
                // The terminal is gone.
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            _ = terminate.recv() => return Ok(()),
            _ = hang_up.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

/// Keys and sizes, read by a thread of their own, which ends with the program.
fn listen() -> mpsc::Receiver<io::Result<Event>> {
    let (sender, keys) = mpsc::channel(64);
    std::thread::spawn(move || {
        loop {
            let read = event::read();
            let is_over = read.is_err();
            if sender.blocking_send(read).is_err() || is_over {
                return;
            }
        }
    });
    keys
}
