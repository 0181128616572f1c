//! Reads the format that RocksDB writes its WAL and its MANIFEST in, to find where a file is
//! intact. RocksDB itself takes some damage for the end of the file, and goes on without a word.
//!
//! A file is a run of blocks of 32 KiB, a block a run of fragments
//! `[masked crc32c of type and payload: u32 | length: u16 | type: u8 | payload]`, and a record one
//! fragment or several. Less than a header at the end of a block stays empty.

use std::io::{self, Read, Seek, SeekFrom};

use super::synced::{Mark, Position};

const BLOCK: usize = 32 << 10;
const HEADER: usize = 7;
/// So much of a record is kept: more than a [`Mark`] at its start takes.
const HEAD: usize = 64;

/// A record in one fragment.
const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Records are intact up to here, from the start of the file.
    pub(super) intact: u64,
    /// The length of the file.
    pub(super) length: u64,
    /// All that lies behind the intact records is the start of one more: the file may have been
    /// cut there while it was written.
    pub(super) torn: bool,
    /// Behind what is not intact lies an intact record.
    pub(super) resumes: bool,
    /// The first mark, and what was synced according to the one that knows most; be they behind
    /// what is not intact.
    pub(super) first_mark: Option<Mark>,
    pub(super) synced: Option<Position>,
}

impl Scan {
    /// Reads `file` from `start` on, where a record starts, to its end.
    pub(super) fn read(mut file: impl Read + Seek, start: u64) -> io::Result<Self> {
        let skip = start % BLOCK as u64;
        let mut at = start - skip;
        file.seek(SeekFrom::Start(at))?;
        let mut scanner = Scanner::default();
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

#[derive(Default)]
struct Scanner {
    scan: Scan,
    /// Where the first record starts that is not intact.
    damage: Option<u64>,
    /// The start of the record whose last fragment is still to come.
    open: Option<u64>,
    /// The first bytes of that record.
    head: Vec<u8>,
}

impl Scanner {
    fn block(&mut self, at: u64, block: &[u8], skip: usize) {
        let mut offset = skip;
        while let Some(rest) = block.get(offset..).filter(|rest| rest.len() >= HEADER) {
            let start = at + offset as u64;
            match fragment(rest) {
                Some((kind, payload)) => {
                    offset += HEADER + payload.len();
                    self.fragment(start, kind, payload);
                }
                None => {
                    self.damage(start, block.len() < BLOCK && is_cut(rest, BLOCK - offset));
                    // The length may be what is damaged: the next fragment may start anywhere.
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
                self.head.clear();
            }
            MIDDLE | LAST if self.open.is_none() => return self.damage(start, false),
            MIDDLE | LAST => {}
            // A record of RocksDB's own.
            _ => return,
        }
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend(payload.iter().take(room));
        if kind == FULL || kind == LAST {
            self.open = None;
            self.scan.resumes |= self.damage.is_some();
            let mark = Mark::in_record(&self.head);
            self.scan.first_mark = self.scan.first_mark.or(mark);
            self.scan.synced = self.scan.synced.max(mark.map(|mark| mark.synced));
        }
    }

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

/// The fragment that `bytes` starts with: its type and its payload.
fn fragment(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    let (length, checked) = rest.split_first_chunk::<2>()?;
    let kind = *checked.first()?;
    // No fragment has type 0, but a page of zeros reads as many.
    let checked = checked.get(..1 + usize::from(u16::from_le_bytes(*length)))?;
    let masked = crc32c::crc32c(checked).rotate_right(15).wrapping_add(0xa282_ead8);
    (kind != 0 && masked == u32::from_le_bytes(*crc)).then(|| (kind, checked.split_at(1).1))
}

/// Whether `rest`, the end of a file, can be the start of a fragment in a block with so much
/// `room`.
fn is_cut(rest: &[u8], room: usize) -> bool {
    let &[_, _, _, _, l0, l1, kind, ..] = rest else {
        return true;
    };
    let size = HEADER + usize::from(u16::from_le_bytes([l0, l1]));
    (FULL..=LAST).contains(&kind) && rest.len() < size && size <= room
}
