//! The body of a frame: the format of bincode 2 with `config::standard()`. The only user of that crate.
//!
//! bincode writes and reads the primitives; serde's data model is mapped onto them here, because
//! bincode's own mapping believes the lengths that it reads. Both directions keep the same
//! [limits](super#limits), so that whatever is written can be read back.

mod de;
mod ser;

pub(super) use de::BodyReader;
pub(super) use ser::BodyWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{BodyError, CodecError};

/// How many containers may lie within each other, where the data decides: recursion is on the stack.
const MAX_DEPTH: u32 = 128;

/// How many elements that take no bytes a body may hold: their number is bounded by nothing else.
const MAX_EMPTY_ELEMENTS: usize = 4096;

#[inline]
pub(super) fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    BodyWriter::new(out).field(value)
}

#[inline]
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, CodecError> {
    let mut reader = BodyReader::new(body);
    let value = reader.field()?;
    reader.finish()?;
    Ok(value)
}

/// What is counted against the limits, over a whole body.
#[derive(Default)]
struct Limits {
    depth: u32,
    empty_elements: usize,
}

impl Limits {
    #[inline]
    fn enter(&mut self) -> Result<(), BodyError> {
        if self.depth == MAX_DEPTH {
            return Err(BodyError::message(format_args!(
                "nested more than {MAX_DEPTH} levels deep"
            )));
        }
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn leave(&mut self) {
        self.depth -= 1;
    }

    #[inline]
    fn empty_elements(&mut self, count: usize) -> Result<(), BodyError> {
        self.empty_elements = self.empty_elements.saturating_add(count);
        if self.empty_elements > MAX_EMPTY_ELEMENTS {
            return Err(BodyError::message(format_args!(
                "more than {MAX_EMPTY_ELEMENTS} elements that take no bytes"
            )));
        }
        Ok(())
    }
}
