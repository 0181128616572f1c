//! The conformance checks find stores and key spaces that break a rule, one for each rule.

use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use openraft_toolkit::log_store::{GroupPrefixed, KeySpace, MetaLabel};
use openraft_toolkit::openraft::OptionalSend;
use openraft_toolkit::openraft::alias::{LeaderIdOf, LogIdOf, VoteOf};
use openraft_toolkit::openraft::storage::{
    IOFlushed, LeaderBoundedStreamError, LogState, RaftLogReader, RaftLogStorage, RaftLogStorageExt,
};
use openraft_toolkit::test_fakes::conformance::{
    GROUP_IDS, LogDisk, LogStoreOptions, Rule, Violation, key_spaces, log_store_with,
};
use openraft_toolkit::test_fakes::{LogStoreCall, MemLogStore};

use crate::log_store::{Entry, Types};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    AcknowledgesBeforeTheSync,
    AcknowledgesBeforeTheSyncFromIndex15,
    KeepsTheVoteInMemory,
    SyncsVotesAheadOfAppends,
    SyncsTruncationsWithTheNextAppend,
    ForgetsWhereThePurgeEnded,
    TakesHoles,
    DropsTheCallback,
    NeverCallsBack,
    HidesTheNewestEntry,
    SkipsAnEntry,
    ReadsNothingWhenLimited,
    IgnoresTruncations,
    MakesUpWhatIsCommitted,
    StreamsUnderAnyVote,
    DoesNotOpenAgain,
}
use Flaw::*;

/// A log in memory with a flaw. A clone is another handle, as for a reader.
#[derive(Clone)]
struct Flawed {
    flaw: Flaw,
    log: MemLogStore<Types>,
    /// Where votes are, apart from the log.
    votes: MemLogStore<Types>,
    /// What was truncated last.
    truncated: Arc<Mutex<Vec<Entry>>>,
}

struct FlawedDisk {
    store: Flawed,
    openings: u64,
}

impl FlawedDisk {
    fn new(flaw: Flaw) -> Self {
        let log = MemLogStore::new();
        match flaw {
            AcknowledgesBeforeTheSync | NeverCallsBack => log.faults().hold(LogStoreCall::Callback),
            SyncsVotesAheadOfAppends => log.faults().delay(LogStoreCall::Callback, Duration::from_millis(20)),
            _ => {}
        }
        let store = Flawed {
            flaw,
            log,
            votes: MemLogStore::new(),
            truncated: Arc::default(),
        };
        Self { store, openings: 0 }
    }
}

impl LogDisk<Types> for FlawedDisk {
    type LogStore = Flawed;

    async fn open(&mut self) -> io::Result<Flawed> {
        self.openings += 1;
        match self.store.flaw {
            KeepsTheVoteInMemory => self.store.votes = MemLogStore::new(),
            DoesNotOpenAgain if self.openings > 1 => return Err(io::Error::other("the lock is stale")),
            _ => {}
        }
        Ok(self.store.clone())
    }

    async fn power_cut(&self) -> io::Result<Option<Self>> {
        let mut disk = Self::new(self.store.flaw);
        disk.openings = self.openings;
        disk.store.votes = self.store.votes.crash();

        let mut left = self.store.log.crash();
        let log = &mut disk.store.log;
        if self.store.flaw != ForgetsWhereThePurgeEnded
            && let Some(purged) = left.get_log_state().await?.last_purged_log_id
        {
            log.purge(purged).await?;
        }
        let mut entries = left.try_get_log_entries(..).await?;
        entries.extend(self.store.truncated.lock().unwrap().iter().cloned());
        log.append(entries, IOFlushed::noop()).await?;
        log.save_committed(left.read_committed().await?).await?;
        // Syncs the others.
        let last = log.get_log_state().await?.last_log_id;
        log.truncate_after(last).await?;
        Ok(Some(disk))
    }
}

impl RaftLogReader<Types> for Flawed {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let mut entries = self.log.try_get_log_entries(range).await?;
        match self.flaw {
            HidesTheNewestEntry => drop(entries.pop()),
            SkipsAnEntry if entries.len() > 6 => drop(entries.remove(3)),
            _ => {}
        }
        Ok(entries)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        match self.flaw {
            ReadsNothingWhenLimited => Ok(Vec::new()),
            _ => self.log.limited_get_log_entries(start, end).await,
        }
    }

    async fn read_vote(&mut self) -> io::Result<Option<VoteOf<Types>>> {
        self.votes.read_vote().await
    }

    async fn leader_bounded_stream<RB>(
        &mut self,
        _leader: LeaderIdOf<Types>,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, LeaderBoundedStreamError<Types>>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        // Only openraft's suite reads in this way.
        let entries = self.log.try_get_log_entries(range).await.unwrap();
        stream::iter(entries).map(Ok)
    }
}

impl RaftLogStorage<Types> for Flawed {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        self.log.get_log_state().await
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<Types>) -> io::Result<()> {
        if !matches!(self.flaw, SyncsVotesAheadOfAppends | AcknowledgesBeforeTheSync) {
            self.log.save_vote(vote).await?;
        }
        self.votes.save_vote(vote).await
    }

    async fn save_committed(&mut self, committed: Option<LogIdOf<Types>>) -> io::Result<()> {
        self.log.save_committed(committed).await
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogIdOf<Types>>> {
        match self.flaw {
            MakesUpWhatIsCommitted => Ok(self.log.get_log_state().await?.last_log_id),
            _ => self.log.read_committed().await,
        }
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.truncated.lock().unwrap().clear();
        match self.flaw {
            AcknowledgesBeforeTheSync => {
                self.log.append(entries, IOFlushed::noop()).await?;
                callback.io_completed(Ok(()));
                Ok(())
            }
            AcknowledgesBeforeTheSyncFromIndex15 => {
                let last = self.log.get_log_state().await?.last_log_id;
                if last.is_some_and(|last| last.index >= 15) {
                    self.log.faults().hold(LogStoreCall::Callback);
                    self.log.append(entries, IOFlushed::noop()).await?;
                    callback.io_completed(Ok(()));
                    return Ok(());
                }
                self.log.append(entries, callback).await
            }
            DropsTheCallback => self.log.append(entries, IOFlushed::noop()).await,
            TakesHoles => {
                let _ = self.log.blocking_append(entries).await;
                callback.io_completed(Ok(()));
                Ok(())
            }
            _ => self.log.append(entries, callback).await,
        }
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogIdOf<Types>>) -> io::Result<()> {
        let first = last_log_id.map_or(0, |last| last.index + 1);
        match self.flaw {
            IgnoresTruncations => return Ok(()),
            SyncsTruncationsWithTheNextAppend => {
                *self.truncated.lock().unwrap() = self.log.try_get_log_entries(first..).await?;
            }
            _ => {}
        }
        self.log.truncate_after(last_log_id).await
    }

    async fn purge(&mut self, log_id: LogIdOf<Types>) -> io::Result<()> {
        self.log.purge(log_id).await
    }
}

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

/// The key of an index in some order, in which a key space puts its parts together.
type LogKey = fn(u64, u64) -> Vec<u8>;

/// A key space of one's own.
#[derive(Clone, Debug)]
struct Keys {
    group: u64,
    log_key: LogKey,
    meta_key: fn(u64, MetaLabel) -> Vec<u8>,
}

impl KeySpace for Keys {
    fn log_key(&self, index: u64) -> impl AsRef<[u8]> {
        (self.log_key)(self.group, index)
    }

    fn meta_key(&self, label: MetaLabel) -> impl AsRef<[u8]> {
        (self.meta_key)(self.group, label)
    }
}

fn good_log_key(group: u64, index: u64) -> Vec<u8> {
    GroupPrefixed::new(group).log_key(index).as_ref().to_vec()
}

fn good_meta_key(group: u64, label: MetaLabel) -> Vec<u8> {
    GroupPrefixed::new(group).meta_key(label).as_ref().to_vec()
}

fn violation_of_keys(log_key: LogKey, meta_key: fn(u64, MetaLabel) -> Vec<u8>) -> Option<(Rule, String)> {
    let keys = |group| Keys {
        group,
        log_key,
        meta_key,
    };
    let violation = key_spaces(GROUP_IDS.map(keys)).err()?;
    println!("{violation}\n");
    Some((violation.rule, violation.found))
}

#[test]
fn each_flaw_of_a_key_space_is_found_and_named() {
    static MADE: AtomicU64 = AtomicU64::new(0);

    assert_eq!(violation_of_keys(good_log_key, good_meta_key), None);

    let log_keys: [(LogKey, Rule, &str); 6] = [
        // Little-endian indexes.
        (
            |group, index| [group.to_be_bytes(), index.to_le_bytes()].concat(),
            Rule::LogKeysAscend,
            "for index 255 and",
        ),
        // Numbers as text.
        (
            |group, index| format!("{group:020}/{index}").into_bytes(),
            Rule::LogKeysAscend,
            "for index 9 and",
        ),
        // The index first: all groups interleave.
        (
            |group, index| [index.to_be_bytes(), group.to_be_bytes()].concat(),
            Rule::LogIndexInverts,
            "says None for",
        ),
        // The prefix of a group is a prefix of another's.
        (
            |group, index| [format!("{group}").as_bytes(), &index.to_be_bytes()].concat(),
            Rule::LogKeysApart,
            "meets",
        ),
        // Only the last byte of the group.
        (
            |group, index| [&[group as u8], &index.to_be_bytes()[..]].concat(),
            Rule::LogKeysApart,
            "meets",
        ),
        // Another key each time.
        (
            |group, index| {
                [
                    good_log_key(group, MADE.fetch_add(1, Ordering::Relaxed)),
                    index.to_be_bytes().to_vec(),
                ]
                .concat()
            },
            Rule::KeysStable,
            "and then",
        ),
    ];
    for (log_key, rule, message) in log_keys {
        let (broken, found) = violation_of_keys(log_key, good_meta_key).expect("the flaw goes unnoticed");
        assert_eq!(broken, rule, "{found}");
        assert!(found.contains(message), "{found}");
    }

    // The meta keys of all groups are the same.
    let one_for_all = |_, label: MetaLabel| label.as_str().as_bytes().to_vec();
    let (broken, found) = violation_of_keys(good_log_key, one_for_all).expect("the flaw goes unnoticed");
    assert_eq!(broken, Rule::MetaKeysDiffer, "{found}");
    assert!(found.starts_with("766f7465 is `vote` of"), "{found}");
}
