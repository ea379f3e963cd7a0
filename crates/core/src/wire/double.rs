//! Doubles as text.

/// Room for one double in its shortest round-trip decimal form.
#[derive(Default)]
pub struct DoubleBuffer {
    digits: zmij::Buffer,
}

impl DoubleBuffer {
    /// An empty buffer, on the stack.
    pub fn new() -> Self {
        Self { digits: zmij::Buffer::new() }
    }

    /// `value` as text that reads back as exactly `value`: `1.5`, `100`, `1e+21`. Zero has no sign.
    pub fn format(&mut self, value: f64) -> &str {
        // Adding positive zero turns negative zero into it and changes nothing else.
        let text = self.digits.format(value + 0.0);
        text.strip_suffix(".0").unwrap_or(text)
    }

    /// The same of a number of 32 bits, whose text reads back as exactly that one and is shorter.
    pub fn format_single(&mut self, value: f32) -> &str {
        let text = self.digits.format(value + 0.0);
        text.strip_suffix(".0").unwrap_or(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_carry_no_fraction() {
        for (value, text) in [(1.5, "1.5"), (100.0, "100"), (0.1, "0.1"), (-0.0, "0"), (-2.0, "-2"), (1e21, "1e+21")] {
            assert_eq!(DoubleBuffer::new().format(value), text);
        }
    }
}
