//! Whatever happens to the nodes of a cluster, clients get the answers that a single copy of the map would give.
//!
//! A `run` starts a `cluster` of `node`s that serve `registers`. It lets `clients` call the cluster while a `nemesis`
//! makes faults, and then checks the answers that the clients got. `seeds` runs one seed after another on the real log
//! store. `found` runs stores that are `broken`, and services with a mistake: the check must find each of these
//! mistakes. `power` computes what a crash leaves of a disk, and `panics` records where threads panicked.

mod broken;
mod clients;
mod cluster;
mod found;
mod nemesis;
mod node;
mod panics;
mod power;
mod registers;
mod run;
mod seeds;
