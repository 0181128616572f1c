//! `codec::encode` and `codec::decode`: the bytes of a frame, and what hostile bytes can do.

mod bytes;
mod hostile;
pub mod shapes;
