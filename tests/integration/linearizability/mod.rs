//! Whatever happens to the nodes of a cluster, clients are told what a single copy of the map would tell them.
//!
//! A `run` starts a `cluster` of `node`s that serve `registers`, lets `clients` call it while a `nemesis` makes faults,
//! and checks what the clients were told. `seeds` runs one seed after another on the real log store; `found` runs on
//! stores that are `broken`, and on services with a mistake, which the check must find. `power` is what a crash leaves of
//! a disk, and `panics` tells which threads panicked.

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
