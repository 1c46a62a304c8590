//! Untrusted text for terminals, logs and pages: control characters, and characters that are not
//! seen, become visible.

use std::fmt::Write as _;

/// Returns `text` with control and invisible characters escaped.
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

/// Writes the same characters in a JSON document as JSON has them, so that a document is safe to
/// show and still says the same.
pub fn escape_json(document: &str) -> String {
    let mut escaped = String::with_capacity(document.len());
    for c in document.chars() {
        // Line feeds are between the parts of a document; within text, JSON has none.
        if c != '\n' && is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Control characters, those that turn the direction of text (CVE-2021-42574), and those that
/// nobody sees, behind which two texts look the same.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
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

    #[test]
    fn makes_visible_what_nobody_sees() {
        for c in [
            '\0',
            '\u{7f}',
            '\u{80}',
            '\u{9b}',
            '\u{9f}',
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            let text = format!("a{c}b");
            assert_eq!(escape(&text), format!("a{}b", c.escape_unicode()));
            let document = serde_json::to_string(&text).unwrap();
            let shown = escape_json(&document);
            assert!(
                shown.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
                "{shown}"
            );
            assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
        assert_eq!(escape("äß 漢字 🦀 \u{a0}"), "äß 漢字 🦀 \u{a0}");
        assert_eq!(escape_json("{\n  \"ä\": 1\n}"), "{\n  \"ä\": 1\n}");
    }
}
