//! What clients are told is what one copy of the map would tell them, whatever happens to the nodes.

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
