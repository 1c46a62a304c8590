//! Random choices, the same for the same seed.

/// Names that sign in random logs; the builders sign as builders do.
const SIGNERS: [&str; 9] = [
    "alice", "bob", "carol", "token", "alice2", "dave", "mallory", "ci", "deploy",
];

/// A small reproducible generator (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts a sequence.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number below `limit`.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let remainder = bits % u64::try_from(limit).expect("a small limit");
        usize::try_from(remainder).expect("below a usize")
    }

    pub(super) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    /// Up to `most` names, mostly of people with rights.
    pub(super) fn signers(&mut self, most: usize) -> Vec<&'static str> {
        let count = 1 + self.below(most);
        let mut signers: Vec<&str> = (0..count)
            .map(|_| {
                let known = if self.percent(90) { 4 } else { SIGNERS.len() };
                SIGNERS[self.below(known)]
            })
            .collect();
        signers.sort_unstable();
        signers.dedup();
        signers
    }
}
