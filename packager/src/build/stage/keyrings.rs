//! The kernel's keyrings (keyrings(7)), which no namespace hides: whoever starts a build may have
//! passwords in theirs, and the build would inherit them.

use std::io;

use seccompiler::sock_filter;

/// Architectures (`AUDIT_ARCH_*` of linux/audit.h), also the 32-bit ones that 64-bit kernels run,
/// and in each the number of `add_key`. `request_key` and `keyctl` are the next two.
const SYSTEM_CALLS: [(u32, u32); 5] = [
    (0xc000_003e, 248), // x86_64
    (0x4000_0003, 286), // i386
    (0xc000_00b7, 217), // aarch64
    (0x4000_0028, 309), // arm
    (0xc000_00f3, 217), // riscv64
];
/// What x32 adds to the numbers of `x86_64`.
const X32: u32 = 0x4000_0000;

/// Offsets in `struct seccomp_data` (seccomp(2)).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// Instructions of classic BPF (`bpf_common.h`).
const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const IF_MORE: u16 = 0x25;
const RETURN: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
/// The error `ENOSYS`, 38, as of a kernel without keyrings.
const NOT_THERE: u32 = 0x0005_0000 | 0x26;

/// Takes the keyrings from this process and all that it starts. Nobody gains a privilege by
/// starting a program after that.
pub(super) fn take_away() -> io::Result<()> {
    seccompiler::apply_filter(&filter()).map_err(io::Error::other)
}

fn filter() -> Vec<sock_filter> {
    let step = |code, k| sock_filter {
        code,
        jt: 0,
        jf: 0,
        k,
    };
    // How many instructions are left out when it is so, and when not.
    let branch = |code, k, jt, jf| sock_filter { code, jt, jf, k };
    let mut filter = Vec::new();
    for (architecture, first) in SYSTEM_CALLS {
        filter.extend([
            step(LOAD, ARCHITECTURE),
            branch(IF_EQUAL, architecture, 0, 5),
            step(LOAD, NUMBER),
            step(AND, !X32),
            branch(IF_AT_LEAST, first, 0, 2),
            branch(IF_MORE, first + 2, 1, 0),
            step(RETURN, NOT_THERE),
        ]);
    }
    filter.push(step(RETURN, ALLOW));
    filter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the filter as the kernel would.
    fn answer(architecture: u32, number: u32) -> u32 {
        let filter = filter();
        let (mut next, mut held) = (0, 0);
        loop {
            let step = &filter[next];
            next += 1;
            let is_so = match step.code {
                LOAD if step.k == ARCHITECTURE => {
                    held = architecture;
                    continue;
                }
                LOAD => {
                    assert_eq!(step.k, NUMBER);
                    held = number;
                    continue;
                }
                AND => {
                    held &= step.k;
                    continue;
                }
                IF_EQUAL => held == step.k,
                IF_AT_LEAST => held >= step.k,
                IF_MORE => held > step.k,
                RETURN => return step.k,
                other => panic!("{other:#x}"),
            };
            next += usize::from(if is_so { step.jt } else { step.jf });
        }
    }

    #[test]
    fn takes_three_calls_and_no_other() {
        for (architecture, first) in SYSTEM_CALLS {
            for (number, expected) in [
                (0, ALLOW),
                (first - 1, ALLOW),
                (first, NOT_THERE),
                (first + 1, NOT_THERE),
                (first + 2, NOT_THERE),
                (first + 3, ALLOW),
                (X32 | (first + 2), NOT_THERE),
                (X32 | (first + 3), ALLOW),
            ] {
                let found = answer(architecture, number);
                assert_eq!(found, expected, "{architecture:#x} {number}");
            }
        }
    }
}
