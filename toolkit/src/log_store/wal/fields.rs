//! The fields of RocksDB's records: varints, and byte strings with their length before them.

/// Reads the fields of a record one after the other.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// Reads one byte. Returns `None` at the end of the record.
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// Reads a number of which each byte holds seven bits, the lowest first. Returns `None` if the record ends before
    /// the number does, or if the number has more than 64 bits.
    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// Reads a byte string that follows its length. Returns `None` if the record is shorter.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}

/// Appends `number` in the form that [`Fields::varint`] reads.
pub(super) fn put_varint(number: u64, out: &mut Vec<u8>) {
    let mut rest = number;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_written() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(number, &mut bytes);
            let mut fields = Fields(&bytes);
            assert_eq!(fields.varint().unwrap(), number);
            assert!(fields.0.is_empty());
            // A number that is cut short is none.
            assert!(Fields(&bytes[..bytes.len() - 1]).varint().is_none());
        }
        assert!(Fields(&[0xff; 11]).varint().is_none());
    }

    #[test]
    fn a_string_that_is_longer_than_the_record_is_none() {
        assert_eq!(Fields(&[2, 7, 8, 9]).string().unwrap(), [7, 8]);
        assert!(Fields(&[4, 7, 8, 9]).string().is_none());
    }
}
