use crate::codec::error::BodyError;

/// How deep containers may nest. A container is a sequence, a map, a `Some`, or an enum variant with fields. Writing
/// and reading recurse, so deeper data could overflow the stack.
const MAX_DEPTH: u32 = 128;

/// How many elements that take no bytes, such as those of a `Vec<()>`, a body may hold. The size of the body does not
/// bound their number: without this limit, decoding a body of a few bytes could loop for hours.
const MAX_EMPTY_ELEMENTS: usize = 4096;

/// Counts the nested containers and the empty elements of one body. Fails if a count exceeds its limit.
#[derive(Default)]
pub(super) struct Limits {
    depth: u32,
    empty_elements: usize,
}

impl Limits {
    /// Counts a container as open, until [`leave`](Self::leave).
    #[inline]
    pub(super) fn enter(&mut self) -> Result<(), BodyError> {
        if self.depth == MAX_DEPTH {
            return Err(BodyError::message(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        Ok(())
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Adds `count` elements that took no bytes.
    #[inline]
    pub(super) fn add_empty_elements(&mut self, count: usize) -> Result<(), BodyError> {
        self.empty_elements = self.empty_elements.saturating_add(count);
        if self.empty_elements > MAX_EMPTY_ELEMENTS {
            return Err(BodyError::message(format_args!(
                "more than {MAX_EMPTY_ELEMENTS} elements that take no bytes"
            )));
        }
        Ok(())
    }
}
