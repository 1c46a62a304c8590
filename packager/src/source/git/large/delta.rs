//! `Patched`: a blob that is made from its base by a delta, while it is read.
//!
//! ```text
//! delta  size of the base, size of the result, instructions
//! 1xxxxxxx offset size      copy from the base: the bits say which bytes follow
//! 0xxxxxxx bytes            take that many bytes from here
//! ```
//!
//! gitformat-pack(5), "Deltified representation".

use std::fs::File;
use std::io::{self, BufReader, Read};

use super::inflate::{Inflating, damaged};

/// Reads the result of a delta.
pub(super) struct Patched {
    delta: BufReader<Inflating>,
    base: BufReader<File>,
    base_size: u64,
    /// Where the base would be read next.
    base_offset: u64,
    size: u64,
    left: u64,
    instruction: Instruction,
}

/// What is left of the instruction at hand.
#[derive(Clone, Copy)]
enum Instruction {
    Copy(u64),
    Take(u64),
}

impl Patched {
    pub(super) fn new(delta: Inflating, base: File) -> io::Result<Self> {
        let found = base.metadata()?.len();
        let mut delta = BufReader::new(delta);
        let base_size = size(&mut delta)?;
        let size = size(&mut delta)?;
        if base_size != found {
            return Err(damaged(format!(
                "a delta is for a base of {base_size} bytes, found one of {found}"
            )));
        }
        Ok(Self {
            delta,
            base: BufReader::with_capacity(64 * 1024, base),
            base_size,
            base_offset: 0,
            size,
            left: size,
            instruction: Instruction::Take(0),
        })
    }

    /// Returns the size of the result.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    fn next_instruction(&mut self) -> io::Result<Instruction> {
        let code = byte(&mut self.delta)?;
        let (instruction, length) = if code & 0x80 == 0 {
            if code == 0 {
                return Err(damaged("a delta has a reserved instruction".to_owned()));
            }
            (Instruction::Take(code.into()), u64::from(code))
        } else {
            let mut number = |bits: std::ops::Range<u32>| -> io::Result<u64> {
                let mut number = 0;
                for (position, bit) in bits.enumerate() {
                    if code & (1 << bit) != 0 {
                        number |= u64::from(byte(&mut self.delta)?) << (8 * position);
                    }
                }
                Ok(number)
            };
            let offset = number(0..4)?;
            let length = match number(4..7)? {
                0 => 0x10000,
                length => length,
            };
            if offset + length > self.base_size {
                return Err(damaged(
                    "a delta copies what its base does not have".to_owned(),
                ));
            }
            // Both are far below what an i64 holds.
            self.base
                .seek_relative(offset.cast_signed() - self.base_offset.cast_signed())?;
            self.base_offset = offset;
            (Instruction::Copy(length), length)
        };
        if length > self.left {
            return Err(damaged("a delta makes more than it says".to_owned()));
        }
        Ok(instruction)
    }
}

impl Read for Patched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        if matches!(
            self.instruction,
            Instruction::Copy(0) | Instruction::Take(0)
        ) {
            self.instruction = self.next_instruction()?;
        }
        let read = match &mut self.instruction {
            Instruction::Copy(length) => {
                let read = self.base.by_ref().take(*length).read(buffer)? as u64;
                *length -= read;
                self.base_offset += read;
                read
            }
            Instruction::Take(length) => {
                let read = self.delta.by_ref().take(*length).read(buffer)? as u64;
                *length -= read;
                read
            }
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read;
        // `read` is no more than the buffer has.
        Ok(usize::try_from(read).unwrap_or(buffer.len()))
    }
}

fn byte(reader: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    reader.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// Reads a number of seven bits a byte, the lowest first.
fn size(reader: &mut impl Read) -> io::Result<u64> {
    let mut size = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = byte(reader)?;
        size |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(size);
        }
    }
    Err(damaged("a delta has a size without an end".to_owned()))
}
