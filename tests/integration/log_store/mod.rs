//! The log store on RocksDB.
//!
//! | file | what it proves |
//! |---|---|
//! | `open`, `groups`, `key_ranges` | opening, many groups in one database, and that their keys never overlap |
//! | `append`, `read`, `writer` | one rule of the log store each |
//! | `queue` | how much is queued, who waits for room, and who is written first; `blocked_writer` fills the queue |
//! | `store_options`, `close` | the options that all stores of a database share, and their end |
//! | `damage` | what is missing or wrong is an error |
//! | `model` | any sequence of calls leaves what a model says |
//! | `golden_log` | the bytes in RocksDB |
//! | `inspect`, `destroy` | what operators ask of a database, and the end of a group |
//! | `durability` | what outlives kills, power failures, full disks and damage |

mod append;
mod blocked_writer;
mod close;
mod damage;
mod destroy;
mod durability;
mod golden_log;
mod groups;
mod inspect;
mod key_ranges;
mod model;
mod open;
mod queue;
mod read;
mod store_options;
mod writer;
mod written_group;
