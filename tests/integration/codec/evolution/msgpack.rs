//! MessagePack, a binary format other than bincode.

use serde::Serialize;
use serde::de::DeserializeOwned;

pub fn rmp_to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    rmp_serde::to_vec(value).map_err(|error| error.to_string())
}

pub fn rmp_from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    rmp_serde::from_slice(bytes).map_err(|error| error.to_string())
}
