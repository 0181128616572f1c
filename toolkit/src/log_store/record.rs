//! What is on disk: every value is a frame, `[version | bincode body]`.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{CodecError, decode, encode_into};

/// The version of the frames of entries and meta records.
const VERSION: u8 = 1;

/// A key and its value, one allocation, shared by the tail and the queue.
#[derive(Clone)]
pub(super) struct Record {
    bytes: Arc<[u8]>,
    key_len: usize,
}

impl Record {
    /// `scratch` is any buffer that is kept for the next call.
    pub(super) fn encode<T: Serialize>(key: &[u8], value: &T, scratch: &mut Vec<u8>) -> Result<Self, CodecError> {
        scratch.clear();
        scratch.extend_from_slice(key);
        encode_into(VERSION, value, scratch)?;
        Ok(Self {
            bytes: Arc::from(scratch.as_slice()),
            key_len: key.len(),
        })
    }

    pub(super) fn key(&self) -> &[u8] {
        self.bytes.split_at(self.key_len).0
    }

    pub(super) fn value(&self) -> &[u8] {
        self.bytes.split_at(self.key_len).1
    }

    /// Bytes of memory, about.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + 64
    }
}

/// Decodes the value of a record.
pub(super) fn decode_value<T: DeserializeOwned>(value: &[u8]) -> Result<T, CodecError> {
    decode(VERSION, value)
}
