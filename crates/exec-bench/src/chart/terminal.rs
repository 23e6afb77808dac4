//! Bars of text.

use std::io::IsTerminal;

/// The characters that the reader of a text can see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Plain characters: for files, pipes and terminals that know no others.
    #[default]
    Ascii,
    /// Blocks that are filled by eighths.
    Unicode,
}

impl Look {
    /// The look that suits whatever stdout is connected to.
    #[must_use]
    pub fn of_stdout() -> Self {
        let var = |name| std::env::var(name).unwrap_or_default();
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(var).into_iter().find(|v| !v.is_empty());
        Self::of(std::io::stdout().is_terminal(), &var("TERM"), &locale.unwrap_or_default())
    }

    fn of(is_terminal: bool, term: &str, locale: &str) -> Self {
        let locale = locale.to_ascii_lowercase();
        let speaks = locale.contains("utf-8") || locale.contains("utf8") || cfg!(windows);
        if is_terminal && speaks && term != "dumb" { Self::Unicode } else { Self::Ascii }
    }

    /// A bar of `width` characters with this part filled; values outside 0 to 1 are clamped.
    #[must_use]
    pub fn bar(self, part: f64, width: usize) -> String {
        const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        let part = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
        match self {
            Self::Ascii => {
                let filled = (part * width as f64).round() as usize;
                format!("{}{}", "#".repeat(filled), ".".repeat(width - filled))
            }
            Self::Unicode => {
                let eighths = (part * width as f64 * 8.0).round() as usize;
                let bar = format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
                format!("{bar:<width$}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_they_say() {
        assert_eq!(Look::Ascii.bar(0.5, 4), "##..");
        assert_eq!(Look::Unicode.bar(0.53, 4), "██▏ ");
        for look in [Look::Ascii, Look::Unicode] {
            for part in [-1.0, 0.0, 0.01, 0.999, 1.0, 7.0, f64::NAN] {
                assert_eq!(look.bar(part, 20).chars().count(), 20, "{look:?} {part}");
            }
        }
    }

    #[test]
    fn blocks_are_for_terminals_that_know_them() {
        let unicode = |t, term, locale| Look::of(t, term, locale) == Look::Unicode;
        assert!(unicode(true, "xterm-256color", "en_US.UTF-8"));
        assert!(unicode(true, "xterm", "C.utf8"));
        assert!(!unicode(false, "xterm", "en_US.UTF-8"), "a pipe");
        assert!(!unicode(true, "dumb", "en_US.UTF-8"));
        assert!(cfg!(windows) || !unicode(true, "xterm", "C"));
    }
}
