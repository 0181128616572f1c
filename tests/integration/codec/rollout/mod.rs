//! The version at which entries are written while a cluster moves from one release to the next.

mod cluster;
mod commands;
mod log;
mod node;
