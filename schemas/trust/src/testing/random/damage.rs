//! Damage: payloads and entries changed in ways that two readers could take differently.

use super::generator::Random;

/// Changes the text of a payload before it is signed; sometimes to one with the same meaning.
pub(super) fn damage_text(payload: &[u8], random: &mut Random) -> Vec<u8> {
    let text = String::from_utf8_lossy(payload).into_owned();
    let damaged = match random.below(6) {
        0 => damage_number(&text, random),
        1 => damage_string(&text, random),
        2 => {
            let more = [
                "\"x\":1,",
                "\"_type\":\"x\",",
                "\"log\":0,",
                "\"version\":1,",
                " ",
                "\n\t",
            ];
            insert_after(&text, "{", random.pick(&more), random)
        }
        3 => random.pick(&["\u{feff}", " ", "[", "x"]).to_owned() + &text,
        4 => text + random.pick(&["\n", " ", "x", "{}", "\0", "]"]),
        _ => {
            let swaps = [
                (r#"{"sha256":"#, "["),
                (r#""severity":"block""#, r#""severity":"stop""#),
                (r#""action":"promote""#, r#""action":{"promote":true}"#),
                (r#""channel":"prod""#, r#""channel":"deadbeef""#),
                (r#""channel":"dev""#, r#""channel":"Dev""#),
                (r#""reason":"#, r#""reason":[[[[[[[[1]]]]]]]],"why":"#),
                (r#""issuedAt":"2026"#, r#""issuedAt":"2025"#),
                (r#""issuedAt":"2026-1"#, r#""issuedAt":"2026-2"#),
                (r#""issuedAt":"2026-11-"#, r#""issuedAt":"2026-02-3"#),
                (r#"Z""#, r#"+00:00""#),
                (r#""dirty":false"#, r#""dirty":0"#),
                (r#""dirty":false"#, r#""dirty":false,"build":"none""#),
                (r#""dirty":false"#, r#""dirty":false,"build":null"#),
                (r#""threshold":1"#, r#""threshold":1,"via":null"#),
                (r#""waves":"manual""#, r#""waves":{"manual":{}}"#),
                (r#""waves":"manual""#, r#""waves":null"#),
                (r#""every":"10m""#, r#""every":"600s""#),
                (r#""every":"90s""#, r#""every":"90s","manual":"1s""#),
                (r#""every":"90s""#, r#""every":"90""#),
                (r#""every":"24h""#, r#""every":"25h""#),
                (r#""every":"1s""#, r#""every":"1000ms""#),
                (r#""every":"1s""#, r#""every":"01s""#),
                (r#""upTo":"#, r#""upTo":10"#),
                (r#""upTo":"#, r#""upTo":0"#),
                (r#""size":"#, r#""size":1"#),
                (
                    r#""subject":["#,
                    r#""subject":[{"name":"a","digest":{"sha256":"00"}},"#,
                ),
                (r#""gitCommit""#, r#""sha256""#),
                (r#""gitCommit""#, r#""sha1""#),
                (r#""name":"acme/"#, r#""name":"acme/current/"#),
                (r#""version":"#, r#""version":0"#),
            ];
            let (from, to) = swaps[random.below(swaps.len())];
            text.replacen(from, to, 1)
        }
    };
    damaged.into_bytes()
}

fn damage_number(text: &str, random: &mut Random) -> String {
    let starts: Vec<usize> = text
        .match_indices(':')
        .map(|(at, _)| at + 1)
        .filter(|at| text[*at..].starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    if starts.is_empty() {
        return text.to_owned();
    }
    let start = starts[random.below(starts.len())];
    let length = text[start..]
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(0);
    let digits = &text[start..start + length];
    let number = match random.below(11) {
        0 => format!("{digits}.0"),
        1 => format!("{digits}e0"),
        2 => format!("-{digits}"),
        3 => format!("0{digits}"),
        4 => "9007199254740992".to_owned(),
        5 => "null".to_owned(),
        6 => format!("\"{digits}\""),
        7 => format!(" {digits}\r\n"),
        8 => "18446744073709551616".to_owned(),
        9 => "4294967296".to_owned(),
        _ => "NaN".to_owned(),
    };
    [&text[..start], &number, &text[start + length..]].concat()
}

fn damage_string(text: &str, random: &mut Random) -> String {
    let more = [
        "\\u0041",
        "\\ud800",
        "\\ud83d\\ude00",
        "\\x",
        "\u{1}",
        "\\u0000",
        "é",
        "\\/",
        "\"",
    ];
    insert_after(text, ":\"", random.pick(&more), random)
}

fn insert_after(text: &str, place: &str, more: &str, random: &mut Random) -> String {
    let places: Vec<usize> = text.match_indices(place).map(|(at, _)| at).collect();
    if places.is_empty() {
        return text.to_owned();
    }
    let at = places[random.below(places.len())] + place.len();
    [&text[..at], more, &text[at..]].concat()
}

/// Changes the bytes of a signed entry.
pub(super) fn damage_bytes(mut entry: Vec<u8>, random: &mut Random) -> Vec<u8> {
    match random.below(5) {
        0 => {
            let at = random.below(entry.len());
            entry[at] ^= 1 << random.below(8);
        }
        1 => entry.truncate(random.below(entry.len())),
        2 => entry.insert(random.below(entry.len()), b' '),
        3 => entry.push(b'\n'),
        _ => {
            let at = random.below(entry.len());
            let byte = entry[at];
            entry.insert(at, byte);
        }
    }
    entry
}
