//! The log store on RocksDB.
//!
//! | file | what it proves |
//! |---|---|
//! | `open`, `groups`, `key_ranges` | opening, many groups in one database, and that their keys never overlap |
//! | `append`, `read`, `writer` | one rule of the log store each |
//! | `damage` | what is missing or wrong is an error |
//! | `model` | any sequence of calls leaves what a model says |
//! | `golden_log` | the bytes in RocksDB |
//! | `inspect`, `destroy` | what operators ask of a database, and the end of a group |
//! | `durability` | what outlives kills, power failures, full disks and damage |

mod append;
mod damage;
mod destroy;
mod durability;
mod golden_log;
mod groups;
mod inspect;
mod key_ranges;
mod model;
mod open;
mod read;
mod writer;
mod written_group;
