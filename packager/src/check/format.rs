//! What a byte of a known file format belongs to: header fields that often hold a time.

/// Names what the byte at `offset` belongs to. `before` is what comes right before it, from the
/// beginning of the file if that is not far; `after` begins with the byte itself.
pub(super) fn part(before: &[u8], offset: u64, after: &[u8]) -> Option<String> {
    let is_whole = before.len() as u64 == offset;
    let all = [before, after].concat();
    if is_whole && all.starts_with(&[0x1f, 0x8b]) && before.len() < 10 {
        return gzip(before.len());
    }
    if is_whole && all.starts_with(b"!<arch>\n") {
        return ar(&all, before.len());
    }
    tar(&all, before.len(), offset).or_else(|| zip(&all, before.len()))
}

/// RFC 1952, section 2.3.
fn gzip(at: usize) -> Option<String> {
    let field = match at {
        4..=7 => "time",
        9 => "operating system",
        _ => return None,
    };
    Some(format!("the {field} in the gzip header"))
}

/// The local and central headers of a ZIP file (APPNOTE.TXT, 4.3.7 and 4.3.12).
fn zip(all: &[u8], at: usize) -> Option<String> {
    let (start, time, name_length, name) =
        [(b"PK\x03\x04", 10, 26, 30), (b"PK\x01\x02", 12, 28, 46)]
            .into_iter()
            .filter_map(|(magic, time, length, name)| {
                let start = all[..at].windows(4).rposition(|bytes| bytes == magic)?;
                Some((start, time, length, name))
            })
            .max()?;
    let length = all.get(start + name_length..start + name_length + 2)?;
    let length = usize::from(u16::from_le_bytes(length.try_into().ok()?));
    let name = all.get(start + name..start + name + length)?;
    let what = match at - start {
        within if (time..time + 4).contains(&within) => "the time",
        within if within < name_length => "the header",
        _ => "something",
    };
    Some(format!(
        "{what} of `{}` in the ZIP file",
        String::from_utf8_lossy(name)
    ))
}

/// Headers of 60 bytes: name 16, time 12, owner 6, group 6, mode 8, size 10.
fn ar(all: &[u8], at: usize) -> Option<String> {
    let mut start = 8;
    loop {
        let header = all.get(start..start + 60)?;
        let size: usize = std::str::from_utf8(&header[48..58])
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let next = start + 60 + size.next_multiple_of(2);
        if at < next {
            let name = String::from_utf8_lossy(&header[..16]);
            let what = match at - start {
                16..28 => "the time",
                28..40 => "the owner",
                40..48 => "the mode",
                0..60 => "the header",
                _ => "something",
            };
            return Some(format!("{what} of `{}` in the archive", name.trim_end()));
        }
        start = next;
    }
}

/// Blocks of 512 bytes; the magic stands at 257 (POSIX.1-2001, ustar).
fn tar(all: &[u8], at: usize, offset: u64) -> Option<String> {
    let within = usize::try_from(offset % 512).ok()?;
    let header = at.checked_sub(within)?;
    // The magic is only there when the difference lies behind it, or the text after shows it.
    let is_header = all.get(header + 257..header + 262) == Some(b"ustar");
    let known_before = within < 257
        && header >= 512
        && all.get(header - 512 + 257..header - 512 + 262) == Some(b"ustar");
    let name = all.get(header..(header + 100).min(at.max(header)))?;
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let what = match within {
        100..108 => "the mode",
        108..124 => "the owner",
        136..148 => "the time",
        148..156 => "the checksum",
        265..329 => "the owner's name",
        _ => return None,
    };
    // A first header has no magic before it: its time is octal digits behind a file's name.
    let looks_like_one = !name.is_empty()
        && name.iter().all(|byte| (b' '..=b'~').contains(byte))
        && all
            .get(header + 100..header + 107)
            .is_some_and(|mode| mode.iter().all(u8::is_ascii_digit));
    (is_header || known_before || looks_like_one)
        .then(|| format!("{what} of `{}` in the tar", String::from_utf8_lossy(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(bytes: &[u8], at: usize) -> Option<String> {
        part(&bytes[..at], at as u64, &bytes[at..])
    }

    #[test]
    fn names_the_time_of_compressed_files_and_archives() {
        let gzip = b"\x1f\x8b\x08\0\x01\x02\x03\x04\0\x03data";
        assert_eq!(named(gzip, 5).unwrap(), "the time in the gzip header");
        assert_eq!(named(gzip, 11), None);

        let ar = b"!<arch>\ncalc.o/         1763892000  0     0     100644  4         `\nabcd";
        assert_eq!(
            named(ar, 30).unwrap(),
            "the time of `calc.o/` in the archive"
        );
        assert_eq!(
            named(ar, 69).unwrap(),
            "something of `calc.o/` in the archive"
        );

        let mut zip = b"PK\x03\x04\x14\0\0\0\0\0\x11\x22\x33\x44".to_vec();
        zip.extend([0; 12]);
        zip.extend(b"\x05\0\0\0a.txtcontent");
        assert_eq!(
            named(&zip, 12).unwrap(),
            "the time of `a.txt` in the ZIP file"
        );

        let mut tar = vec![0; 512];
        tar[..5].copy_from_slice(b"a.txt");
        tar[100..107].copy_from_slice(b"0000644");
        tar[136..147].copy_from_slice(b"15110000000");
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(named(&tar, 145).unwrap(), "the time of `a.txt` in the tar");
        assert_eq!(named(b"plain text, nothing else", 12), None);
    }
}
