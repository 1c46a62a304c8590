//! Changes of seeds, as fuzzers make them: bits, bytes, numbers, and pieces that are gone, twice there
//! or those of another seed.

use fastrand::Rng;

/// Numbers at which something ends.
const EDGES: [u64; 8] = [
    0,
    1,
    255,
    1 << 16,
    u32::MAX as u64,
    i64::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];
/// What means something to one parser or the other.
const MEANING: &[u8] = b"\0\t\n\r \"%&+,-./0:;=[\\]{}\x7f\x80\xff";

/// Returns one of the seeds with some changes.
pub(super) fn changed(seeds: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let seed = |random: &mut Rng| &seeds[random.usize(..seeds.len())];
    let mut bytes = seed(random).clone();
    for _ in 0..1 << random.u8(..4) {
        let at = random.usize(..=bytes.len());
        let end = random.usize(at..=bytes.len().min(at + 64));
        match random.u8(..8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            1 if at < bytes.len() => bytes[at] = MEANING[random.usize(..MEANING.len())],
            2 => bytes.insert(at, MEANING[random.usize(..MEANING.len())]),
            3 => drop(bytes.drain(at..end)),
            4 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            5 => {
                let other = seed(random);
                let from = random.usize(..=other.len());
                let to = random.usize(from..=other.len().min(from + 64));
                drop(bytes.splice(at..end, other[from..to].iter().copied()));
            }
            6 => replace_number(&mut bytes, at, random),
            _ => {
                let number = EDGES[random.usize(..EDGES.len())].to_le_bytes();
                let width = 1 << random.u8(..4);
                let end = bytes.len().min(at + width);
                drop(bytes.splice(at..end, number[..width].iter().copied()));
            }
        }
    }
    bytes
}

/// Puts another number in place of the digits from `at` on.
fn replace_number(bytes: &mut Vec<u8>, at: usize, random: &mut Rng) {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = bytes[at..].iter().position(is_digit) else {
        return;
    };
    let start = at + start;
    let digits = bytes[start..].iter().take_while(|byte| is_digit(byte));
    let end = start + digits.count();
    let number = EDGES[random.usize(..EDGES.len())];
    drop(bytes.splice(start..end, number.to_string().into_bytes()));
}
