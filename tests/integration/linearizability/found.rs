//! The checker finds what it is there to find: each broken promise shows within a few runs, while the same
//! faults are nothing to a store that keeps it.

use std::time::Duration;

use super::broken::Break;
use super::clients::Reads;
use super::cluster::wait_for;
use super::nemesis::Nemesis;
use super::node::Store;
use super::run::{Failure, Run};

/// Runs until there is a violation, which most often is the first time.
fn find(run: impl Fn(u64) -> Run, faults: fn(&mut Nemesis)) -> Failure {
    for seed in 1..=20 {
        match run(seed).under(faults) {
            Ok(report) => println!("seed {seed} has not shown it: {}", report.stats),
            Err(failure) => {
                println!("seed {seed}: {failure}");
                return failure;
            }
        }
    }
    panic!("the violation is not found");
}

/// All nodes lose what is not synced, at the same moment, while clients are being answered.
fn power_cuts(nemesis: &mut Nemesis) {
    for _ in 0..3 {
        nemesis.serve(100);
        nemesis.cut_power_of_all();
        nemesis.serve(100);
    }
}

#[test]
fn a_callback_before_the_sync_is_found() {
    find(
        |seed| Run::of(seed).with(|nodes| nodes.store = Store::Broken(Break::CallbackBeforeSync)),
        power_cuts,
    );
    Run::of(1)
        .under(power_cuts)
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// A voter that has voted for a new leader restarts, and then hears of the old one alone.
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
    find(
        |seed| Run::of(seed).with(|nodes| nodes.store = Store::Broken(Break::VoteNotSaved)),
        old_leader_returns,
    );
    Run::of(1)
        .under(old_leader_returns)
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// This is openraft's default. The leader reads what it remembers to be committed, which may be less than it had
/// acknowledged. So a service sets `enable_leader_restore` to `Some(false)`.
#[test]
fn a_leader_that_restarts_and_goes_on_without_an_election_is_found() {
    find(
        |seed| Run::of(seed).with(|nodes| nodes.config.enable_leader_restore = None),
        power_cuts,
    );
}

#[test]
fn reads_of_what_a_node_happens_to_have_are_found() {
    find(|seed| Run::of(seed).reading(Reads::Local), |nemesis| nemesis.rounds(2));
}
