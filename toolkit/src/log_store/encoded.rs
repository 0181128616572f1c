//! What is on disk: every value is a frame, `[version | bincode body]`.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{CodecError, decode, encode_into};

/// The version of the frames of entries and meta records.
const VERSION: u8 = 1;

/// A key and its value. The records of one append lie in one allocation, which the tail keeps until it
/// needs none of them.
#[derive(Clone)]
pub(super) struct Record {
    bytes: Arc<[u8]>,
    place: Place,
}

/// Where a record lies in bytes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    start: usize,
    key_len: usize,
    end: usize,
}

impl Place {
    /// Encodes a record behind what `bytes` has.
    pub(super) fn encode<T: Serialize>(key: &[u8], value: &T, bytes: &mut Vec<u8>) -> Result<Self, CodecError> {
        let start = bytes.len();
        bytes.extend_from_slice(key);
        encode_into(VERSION, value, bytes)?;
        Ok(Self {
            start,
            key_len: key.len(),
            end: bytes.len(),
        })
    }

    /// The length of the value.
    pub(super) fn value_len(&self) -> usize {
        self.end - self.start - self.key_len
    }
}

impl Record {
    pub(super) fn at(bytes: &Arc<[u8]>, place: Place) -> Self {
        Self {
            bytes: bytes.clone(),
            place,
        }
    }

    #[cfg(test)]
    pub(super) fn new(key: &[u8], value: &[u8]) -> Self {
        Self {
            bytes: [key, value].concat().into(),
            place: Place {
                start: 0,
                key_len: key.len(),
                end: key.len() + value.len(),
            },
        }
    }

    fn split(&self) -> (&[u8], &[u8]) {
        let Place { start, key_len, end } = self.place;
        self.bytes.split_at(end).0.split_at(start).1.split_at(key_len)
    }

    pub(super) fn key(&self) -> &[u8] {
        self.split().0
    }

    pub(super) fn value(&self) -> &[u8] {
        self.split().1
    }

    /// Bytes of memory, about.
    pub(super) fn size(&self) -> usize {
        self.place.end - self.place.start + 64
    }
}

/// Decodes the value of a record.
pub(super) fn decode_value<T: DeserializeOwned>(value: &[u8]) -> Result<T, CodecError> {
    decode(VERSION, value)
}
