//! `Dice`: the same week from the same seed.

/// A generator of numbers that nobody has to trust (xorshift64).
pub(crate) struct Dice(u64);

impl Dice {
    /// Begins with a seed, which is not 0.
    pub(crate) fn new(seed: u64) -> Self {
        assert_ne!(seed, 0);
        Self(seed)
    }

    /// Returns a number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let sides = u64::try_from(sides).unwrap();
        usize::try_from((self.0 >> 11) % sides).unwrap()
    }

    /// Returns one of several.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}
