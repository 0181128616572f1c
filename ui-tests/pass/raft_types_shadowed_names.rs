//! Generated code compiles where the names of the prelude refer to other items.
#![deny(warnings, missing_docs, unused_qualifications, clippy::pedantic)]
#![no_implicit_prelude]
#![allow(dead_code, non_camel_case_types)]

extern crate openraft_toolkit;

mod core {}
mod std {}
mod alloc {}
mod serde {}
mod openraft {}

struct u64;
struct u8;
struct String;
struct Vec;
struct Option;
struct T;
struct RaftTypes;
struct RaftTypeConfig;
struct OptionalSend;

trait Debug {}
trait Clone {}
trait Copy {}
trait Default {}
trait PartialEq {}
trait Eq {}
trait PartialOrd {}
trait Ord {}
trait Send {}

openraft_toolkit::declare_raft_types_ext! {
    TypeConfig:
        Node = (),
        AppData = ::std::string::String,
        AppDataResponse = (),
        Batch<Vec> = openraft_toolkit::openraft::impls::InlineBatch<Vec>,
}

fn main() {
    let TypeConfig {} = <TypeConfig as ::core::default::Default>::default();
}
