//! Each flaw of a log store is found and named.

use std::time::Duration;

use openraft_toolkit::test_fakes::conformance::{LogStoreOptions, Rule, Violation, log_store_with};

use super::flawed::Flaw::{self, *};
use super::flawed::FlawedDisk;

async fn violation_of(flaw: Flaw) -> Violation {
    violation_with(LogStoreOptions::default(), flaw).await
}

async fn violation_with(options: LogStoreOptions, flaw: Flaw) -> Violation {
    let options = LogStoreOptions {
        deadline: Duration::from_millis(200),
        ..options
    };
    let outcome = log_store_with(options, || Ok(FlawedDisk::new(flaw))).await;
    outcome.expect_err("the flaw goes unnoticed")
}

#[tokio::test]
async fn each_flaw_of_a_store_is_found_and_named() {
    for (flaw, rule, message) in [
        (
            AcknowledgesBeforeTheSync,
            Rule::AppendDurable,
            "entry T1-N1.0 is not there",
        ),
        (
            KeepsTheVoteInMemory,
            Rule::VoteDurable,
            "was saved, and is none after a power cut",
        ),
        (
            SyncsVotesAheadOfAppends,
            Rule::WritesInOrder,
            "entry T1-N1.0 is not there",
        ),
        (
            SyncsTruncationsWithTheNextAppend,
            Rule::TruncationDurable,
            "is there, and was truncated after a power cut",
        ),
        (
            ForgetsWhereThePurgeEnded,
            Rule::PurgeWhole,
            "behind the purged none after a power cut",
        ),
        (TakesHoles, Rule::HolesRefused, "a read of 0..=4 returns [0, 1, 2]"),
        (DropsTheCallback, Rule::CallbackRuns, "it was dropped"),
        (NeverCallsBack, Rule::CallbackRuns, "it did not within 200ms"),
        (
            HidesTheNewestEntry,
            Rule::AppendReadable,
            "a read of 0..=4 returns [0, 1, 2, 3]",
        ),
        (SkipsAnEntry, Rule::NoHoles, "the log is [0, 1, 2, 4, 5, 6"),
        (
            ReadsNothingWhenLimited,
            Rule::ReadsComplete,
            "a limited read of 4..8 returns []",
        ),
        (IgnoresTruncations, Rule::CallsTakeEffect, "is there, and was truncated"),
        (MakesUpWhatIsCommitted, Rule::CommittedSaved, "which was not saved"),
        (
            StreamsUnderAnyVote,
            Rule::OpenraftSuite,
            "standard error names the assertion",
        ),
        (
            DoesNotOpenAgain,
            Rule::CallsSucceed,
            "opening the store failed: after a power cut: the lock is stale",
        ),
    ] {
        let violation = violation_of(flaw).await;
        println!("{flaw:?}: {violation}\n");
        assert_eq!(violation.rule, rule, "{flaw:?}: {violation}");
        assert!(violation.found.contains(message), "{flaw:?}: {violation}");
    }
}

#[tokio::test]
async fn a_violation_says_what_why_and_after_which_calls() {
    assert_eq!(
        violation_of(AcknowledgesBeforeTheSync).await.to_string(),
        "an entry is durable when its callback runs: entry T1-N1.0 is not there, and the log is [] behind the purged \
         none after a power cut; otherwise: openraft counts the entry for the quorum, and a committed entry could be \
         lost; after the calls: append 0..=4 in term 1 and wait, cut the power"
    );
}

#[tokio::test]
async fn a_flaw_that_only_random_calls_show_comes_with_the_seed_that_repeats_it() {
    let violation = violation_of(AcknowledgesBeforeTheSyncFromIndex15).await;
    println!("{violation}");
    assert_eq!(violation.rule, Rule::AppendDurable);
    let seed = violation.seed.unwrap();
    assert!(
        violation
            .to_string()
            .ends_with(&format!("; help: the seed {seed} repeats them"))
    );

    let options = LogStoreOptions {
        seed,
        histories: 1,
        ..LogStoreOptions::default()
    };
    assert_eq!(
        violation_with(options, AcknowledgesBeforeTheSyncFromIndex15).await,
        violation
    );
}
