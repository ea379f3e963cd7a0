//! Colours, and what stands for them where none are wanted: sides are told by letters, alarms by words, so colour only
//! repeats what is written.

use ratatui::style::{Color, Modifier, Style};

/// How things look.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether colours may be used.
    pub colours: bool,
}

impl Look {
    fn coloured(self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    /// Liquidated longs, forced sells.
    pub fn longs(self) -> Style {
        self.coloured(Color::Red)
    }

    /// Liquidated shorts, forced buys.
    pub fn shorts(self) -> Style {
        self.coloured(Color::Green)
    }

    /// Side by its word.
    pub fn side(self, side: &str) -> Style {
        if side == "sell" { self.longs() } else { self.shorts() }
    }

    /// What needs attention.
    pub fn alarm(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What will need attention.
    pub fn warning(self) -> Style {
        self.coloured(Color::Yellow)
    }

    /// Charts.
    pub fn chart(self) -> Style {
        self.coloured(Color::Cyan)
    }

    /// Less important.
    pub fn quiet(self) -> Style {
        if self.colours { Style::new().fg(Color::DarkGray) } else { Style::new() }
    }

    /// Headings.
    pub fn head(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The chosen row.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}
