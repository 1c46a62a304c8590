//! Who may execute a program, as far as that matters to a release.

/// Tells whether all who may read a file may execute it too.
pub(crate) const fn is_executable(mode: u32) -> bool {
    mode | executable_bits(mode) == mode
}

/// Returns the bits by which those who may read a file may execute it too.
pub(crate) const fn executable_bits(mode: u32) -> u32 {
    (mode & 0o444) >> 2
}
