//! `Sink`: frames come back from the threads in any order and leave in their own.

use std::collections::BTreeMap;

use bulla_schemas::frames::FrameRecord;

use super::error::WriteError;
use super::spool::Spool;

/// Where compressed frames go, one behind the other.
pub(super) trait Output {
    fn append_frame(&mut self, bytes: &[u8]) -> Result<(), WriteError>;
}

impl Output for Spool {
    fn append_frame(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.append(bytes)
    }
}

impl Output for Vec<u8> {
    fn append_frame(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// The frames of the payload or of the index so far.
#[derive(Debug)]
pub(super) struct Sink<O> {
    pub(super) records: Vec<FrameRecord>,
    pub(super) output: O,
    /// Frames that came before one that stands in front of them.
    early: BTreeMap<usize, (FrameRecord, Vec<u8>)>,
}

impl<O: Output> Sink<O> {
    pub(super) const fn new(output: O) -> Self {
        Self {
            records: Vec::new(),
            output,
            early: BTreeMap::new(),
        }
    }

    /// Takes the frame at `position` and writes all that are now in a row.
    pub(super) fn put(
        &mut self,
        position: usize,
        record: FrameRecord,
        compressed: Vec<u8>,
    ) -> Result<(), WriteError> {
        self.early.insert(position, (record, compressed));
        while let Some((record, compressed)) = self.early.remove(&self.records.len()) {
            self.output.append_frame(&compressed)?;
            self.records.push(record);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame_table::record;

    #[test]
    fn puts_frames_in_order() {
        let mut sink = Sink::new(Vec::new());
        for (position, bytes) in [(2, b"c"), (0, b"a"), (3, b"d"), (1, b"b")] {
            let frame = record(bytes, bytes);
            sink.put(position, frame, bytes.to_vec()).unwrap();
        }
        assert_eq!(sink.output, b"abcd");
        assert_eq!(sink.records.len(), 4);
    }
}
