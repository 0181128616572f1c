//! The check finds each broken promise within a few runs. A store that keeps the promise passes under the same faults.

use std::time::Duration;

use super::broken::Break;
use super::clients::Reads;
use super::cluster::wait_for;
use super::nemesis::Nemesis;
use super::node::Store;
use super::run::{Failure, Run};

/// Runs one seed after another until clients get answers that are not linearizable. Mostly the first run is enough.
fn find_not_linearizable(run: impl Fn(u64) -> Run, faults: fn(&mut Nemesis)) {
    for seed in 1..=20 {
        match run(seed).under(faults) {
            Ok(report) => println!("seed {seed} has no violation: {}", report.stats),
            Err(failure @ Failure::NotLinearizable(_)) => {
                println!("seed {seed}: {failure}");
                return;
            }
            // The state machines differ, but no client has noticed it.
            Err(failure @ Failure::Diverged(_)) => println!("seed {seed} has another failure: {failure}"),
        }
    }
    panic!("no seed shows clients what is not linearizable");
}

/// The power of all nodes fails at the same moment, while clients are being answered.
fn power_cuts(nemesis: &mut Nemesis) {
    for _ in 0..3 {
        nemesis.serve(100);
        nemesis.cut_power_of_all();
        nemesis.serve(100);
    }
}

#[test]
fn a_callback_before_the_sync_is_found() {
    find_not_linearizable(
        |seed| Run::of(seed).with(|nodes| nodes.store = Store::Broken(Break::CallbackBeforeSync)),
        power_cuts,
    );
    Run::of(1)
        .under(power_cuts)
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// A voter that has voted for a new leader restarts, and then hears from the old leader alone.
fn old_leader_returns(nemesis: &mut Nemesis) {
    nemesis.serve(100);
    let partitions = nemesis.cluster.network.partitions();
    let old = nemesis.cluster.wait_for_leader().id;
    partitions.isolate(old);
    let new = wait_for("another node leads", || {
        let leader = nemesis.cluster.leader()?.id;
        (leader != old).then_some(leader)
    });
    nemesis.serve(100);

    let voter = nemesis
        .cluster
        .voters()
        .into_iter()
        .find(|id| ![old, new].contains(id))
        .unwrap();
    partitions.isolate(new);
    nemesis.cut_power([voter], "power cut: a voter");
    nemesis.cluster.node(voter).unwrap().handle.elect(false);
    partitions.heal(old);
    nemesis.let_go_on(Duration::from_millis(500));
}

#[test]
fn a_vote_that_is_not_saved_is_found() {
    find_not_linearizable(
        |seed| Run::of(seed).with(|nodes| nodes.store = Store::Broken(Break::VoteNotSaved)),
        old_leader_returns,
    );
    Run::of(1)
        .under(old_leader_returns)
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// By openraft's default, a leader that restarts leads again without an election. It serves reads as of the committed
/// log id that it remembers, and its answers may lack acknowledged writes. A service must therefore set
/// `enable_leader_restore` to `Some(false)`.
#[test]
fn a_leader_that_restarts_and_goes_on_without_an_election_is_found() {
    find_not_linearizable(
        |seed| Run::of(seed).with(|nodes| nodes.config.enable_leader_restore = None),
        power_cuts,
    );
}

#[test]
fn reads_of_what_a_node_happens_to_have_are_found() {
    find_not_linearizable(|seed| Run::of(seed).reading(Reads::Local), |nemesis| nemesis.rounds(2));
}
