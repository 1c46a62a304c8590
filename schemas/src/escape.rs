//! Untrusted text for terminals, logs and pages: control characters become visible.

/// Returns `text` with control and bidirectional-override characters escaped.
pub fn escape(text: &str) -> String {
    escape_if(text, is_unsafe)
}

/// Returns `text` escaped but for its line feeds.
pub fn escape_lines(text: &str) -> String {
    escape_if(text, |c| c != '\n' && is_unsafe(c))
}

fn escape_if(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) {
            escaped.extend(c.escape_unicode());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Control characters, and those that turn the direction of text (CVE-2021-42574).
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_control_characters_visible() {
        assert_eq!(
            escape("a\u{1b}[2Jb\n\u{202e}c ü"),
            "a\\u{1b}[2Jb\\u{a}\\u{202e}c ü"
        );
        assert_eq!(escape_lines("a\nb\r"), "a\nb\\u{d}");
    }
}
