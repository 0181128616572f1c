//! Reads the format in which RocksDB writes its WAL and its MANIFEST, and finds how far a file is intact.
//! RocksDB itself treats some damage as the end of the file, and reports no error.
//!
//! ```text
//! file:     blocks of 32 KiB; the last one may be shorter
//! block:    fragments; if fewer than 7 bytes are left at its end, these are zeros
//! fragment: masked crc32c of type and payload: u32 | length of the payload: u16 | type: u8 | payload
//! record:   one fragment of type FULL, or FIRST, any number of MIDDLE, LAST
//! ```
//!
//! In a WAL, each record is a batch. In the MANIFEST, each record is an edit.

use std::io::{self, Read, Seek, SeekFrom};

/// The size of a block in bytes.
const BLOCK: usize = 32 << 10;

/// The length in bytes of a fragment's header: checksum, length, type.
const FRAGMENT_HEADER: usize = 4 + 2 + 1;

/// Types of fragments: a record in one fragment, and the parts of a record that has several fragments.
const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// RocksDB stores a checksum rotated, and with this number added, because a checksum of data that itself contains
/// checksums would be weak.
const CRC_MASK: u32 = 0xa282_ead8;

/// What a scan found in a WAL or MANIFEST. Lengths are in bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::log_store) struct Scan {
    /// The length up to which all records are intact.
    pub(in crate::log_store) intact: u64,
    /// The length of the file.
    pub(in crate::log_store) length: u64,
    /// Whether the intact records are followed by an incomplete record and nothing else: the file may have been cut off
    /// while that record was written.
    pub(in crate::log_store) torn: bool,
    /// Whether an intact record follows the first damage.
    pub(in crate::log_store) resumes: bool,
}

/// A record whose checksums hold.
pub(in crate::log_store) struct Record<'a> {
    pub(in crate::log_store) bytes: &'a [u8],
    /// The offset in the file at which the record ends.
    pub(in crate::log_store) end: u64,
    /// Whether damage precedes the record in the file.
    pub(in crate::log_store) is_after_damage: bool,
}

impl Scan {
    /// Reads `file` from the offset `start` to its end, and calls `each` with every complete record. A record must start
    /// at `start`.
    pub(in crate::log_store) fn read(
        mut file: impl Read + Seek,
        start: u64,
        each: impl FnMut(Record<'_>),
    ) -> io::Result<Self> {
        let skip = start % BLOCK as u64;
        let mut at = start - skip;
        file.seek(SeekFrom::Start(at))?;
        let mut scanner = Scanner::new(each);
        let mut block = Vec::with_capacity(BLOCK);
        let mut skip = usize::try_from(skip).unwrap_or(BLOCK);
        loop {
            block.clear();
            file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
            scanner.block(at, &block, skip);
            at += block.len() as u64;
            if block.len() < BLOCK {
                return Ok(scanner.end(at));
            }
            skip = 0;
        }
    }
}

struct Scanner<F> {
    each: F,
    scan: Scan,
    /// Where the first damaged record starts.
    damage: Option<u64>,
    /// The start of the record whose last fragment has not been read yet: the open record.
    open: Option<u64>,
    /// What has been read of the open record.
    record: Vec<u8>,
}

impl<F: FnMut(Record<'_>)> Scanner<F> {
    fn new(each: F) -> Self {
        Self {
            each,
            scan: Scan::default(),
            damage: None,
            open: None,
            record: Vec::new(),
        }
    }

    /// Reads the fragments of one block, from the offset `skip` in the block on. `at` is the offset of the block in the
    /// file.
    fn block(&mut self, at: u64, block: &[u8], skip: usize) {
        let mut offset = skip;
        while let Some(rest) = block.get(offset..).filter(|rest| rest.len() >= FRAGMENT_HEADER) {
            let start = at + offset as u64;
            match fragment(rest) {
                Some((kind, payload)) => {
                    offset += FRAGMENT_HEADER + payload.len();
                    self.fragment(start, kind, payload);
                }
                None => {
                    self.damage(start, block.len() < BLOCK && is_cut_off(rest, BLOCK - offset));
                    // The length of the fragment may be wrong, so the next fragment may start at any byte.
                    offset += (1..rest.len())
                        .find(|skip| rest.get(*skip..).and_then(fragment).is_some())
                        .unwrap_or(rest.len());
                }
            }
        }
        if block.len() < BLOCK && offset < block.len() {
            self.damage(at + offset as u64, true);
        }
    }

    fn fragment(&mut self, start: u64, kind: u8, payload: &[u8]) {
        match kind {
            FULL | FIRST => {
                if self.open.is_some() {
                    self.damage(start, false);
                }
                self.open = Some(start);
                self.record.clear();
            }
            MIDDLE | LAST if self.open.is_none() => return self.damage(start, false),
            MIDDLE | LAST => {}
            // Other types hold RocksDB's records about the WAL itself.
            _ => return,
        }
        self.record.extend_from_slice(payload);
        if kind == FULL || kind == LAST {
            self.end_record(start + (FRAGMENT_HEADER + payload.len()) as u64);
        }
    }

    /// Ends the open record, which is complete and intact.
    fn end_record(&mut self, end: u64) {
        self.open = None;
        let is_after_damage = self.damage.is_some();
        self.scan.resumes |= is_after_damage;
        (self.each)(Record {
            bytes: &self.record,
            end,
            is_after_damage,
        });
    }

    /// Notes that the open record is damaged or, if no record is open, that the record at `start` is damaged. `torn` is
    /// true if the damaged record may have been cut off while it was written. Only the first damage is kept.
    fn damage(&mut self, start: u64, torn: bool) {
        let start = self.open.take().unwrap_or(start);
        if self.damage.is_none() {
            self.damage = Some(start);
            self.scan.torn = torn;
        }
    }

    fn end(mut self, length: u64) -> Scan {
        if self.open.is_some() {
            self.damage(length, true);
        }
        Scan {
            intact: self.damage.unwrap_or(length),
            length,
            torn: self.scan.torn && !self.scan.resumes,
            ..self.scan
        }
    }
}

/// Returns the offset at which a record of `length` bytes ends if it is written at the offset `start` of a file.
pub(in crate::log_store) fn end_of_record(start: u64, length: usize) -> u64 {
    let (block, header) = (BLOCK as u64, FRAGMENT_HEADER as u64);
    let mut at = start;
    let mut left = length as u64;
    loop {
        let mut room = block - at % block;
        if room < header {
            at += room;
            room = block;
        }
        let fragment = left.min(room - header);
        at += header + fragment;
        left -= fragment;
        if left == 0 {
            return at;
        }
    }
}

/// Appends `record` to a file of `length` bytes: returns the bytes to write at its end.
pub(in crate::log_store) fn append_record(length: u64, record: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = (length % BLOCK as u64) as usize;
    let mut left = record;
    loop {
        let room = BLOCK - at;
        if room < FRAGMENT_HEADER {
            out.resize(out.len() + room, 0);
            at = 0;
            continue;
        }
        let (payload, rest) = left.split_at(left.len().min(room - FRAGMENT_HEADER));
        let kind = match (left.len() == record.len(), rest.is_empty()) {
            (true, true) => FULL,
            (true, false) => FIRST,
            (false, false) => MIDDLE,
            (false, true) => LAST,
        };
        let checked = [&[kind], payload].concat();
        out.extend(masked_crc(&checked).to_le_bytes());
        out.extend((payload.len() as u16).to_le_bytes());
        out.extend(&checked);
        at = (at + FRAGMENT_HEADER + payload.len()) % BLOCK;
        left = rest;
        if left.is_empty() {
            return out;
        }
    }
}

/// Returns the checksum of type and payload of a fragment, as RocksDB stores it.
fn masked_crc(checked: &[u8]) -> u32 {
    crc32c::crc32c(checked).rotate_right(15).wrapping_add(CRC_MASK)
}

/// Returns type and payload of the fragment at the start of `bytes`, or `None` if no intact fragment is there.
fn fragment(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let checked = rest.get(..1 + usize::from(u16::from_le_bytes(*length)))?;
    let (&kind, payload) = checked.split_first()?;
    // RocksDB writes no fragment of type 0, and reserves this type for the zeros in a preallocated file.
    (kind != 0 && masked_crc(checked) == u32::from_le_bytes(*crc)).then_some((kind, payload))
}

/// Returns whether `rest`, the last bytes of a file, can be the start of a fragment that fits into the `room` bytes
/// that the block has left.
fn is_cut_off(rest: &[u8], room: usize) -> bool {
    let &[_, _, _, _, l0, l1, kind, ..] = rest else {
        return true;
    };
    let size = FRAGMENT_HEADER + usize::from(u16::from_le_bytes([l0, l1]));
    (FULL..=LAST).contains(&kind) && rest.len() < size && size <= room
}
