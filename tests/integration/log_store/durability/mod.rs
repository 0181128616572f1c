//! Acknowledged writes survive every fault. Damage to them causes an error, never a shorter log without an error.
//!
//! | file | fault |
//! |---|---|
//! | `matrix` | a kill or a power failure, with any configuration, and with a user beside |
//! | `kill` | the process is killed; it runs `calls` in a `process` of its own |
//! | `power_cut` | the power fails, and what was not durable is lost in part or whole |
//! | `order` | a crash between a truncation and the append after it |
//! | `failed_sync` | `fdatasync` fails |
//! | `full_disk` | the disk is full, or a file may not grow |
//! | `direct_io` | the file system has no direct I/O |
//! | `corruption` | bits flip; files are cut short, deleted, or read as zeros |
//! | `wrong_data` | a value that RocksDB returns is not what the group has written |
//! | `isolation` | something happens to one of many groups |
//! | `shared` | others write to the database, flush it and drop column families |
//! | `copies` | checkpoints and backups of a running database |
//! | `accept_loss` | the way back after a loss |
//! | `beside` | a busy node replaces the files that another process reads |
//! | `openers` | a second process, a second store, weaker options |
//! | `options` | RocksDB's options: those that are refused or warned about, and those that change nothing |
//!
//! `make soak` runs the long forms.

mod accept_loss;
mod beside;
mod calls;
mod copies;
mod corruption;
mod direct_io;
mod failed_sync;
mod full_disk;
mod isolation;
mod kill;
mod matrix;
mod openers;
mod options;
mod order;
mod power_cut;
pub(super) mod process;
mod shared;
mod wrong_data;
