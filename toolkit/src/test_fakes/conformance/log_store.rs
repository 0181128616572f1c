//! Runs all checks of a log store.

use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use fastrand::Rng;
use futures_util::FutureExt;
use openraft::storage::RaftLogStorage;
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::TypeConfigExt;
use openraft::{RaftTypeConfig, StorageError};

use super::calls::{self, Call};
use super::history::{self, History};
use super::log_disk::LogDisk;
use super::report::LogStoreReport;
use super::violation::{Rule, Violation};
use crate::test_fakes::mem_state_machine::MemStateMachine;

/// How many calls [`log_store_with`] makes, and how long it waits.
///
/// # Examples
///
/// ```
/// use openraft_toolkit::test_fakes::conformance::LogStoreOptions;
///
/// let soak = LogStoreOptions {
///     histories: 1_000,
///     ..LogStoreOptions::default()
/// };
/// # assert_eq!(soak.seed, 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStoreOptions {
    /// The seed of the first random sequence of calls. Each following sequence has the next number as its seed.
    pub seed: u64,
    /// How many random sequences of calls are made, each on a blank disk.
    pub histories: u64,
    /// How many calls a random sequence has. Restarts and power cuts count as calls.
    pub calls: u64,
    /// How long the callback of an append may take.
    pub deadline: Duration,
}

impl Default for LogStoreOptions {
    /// Returns options for 20 random sequences of 40 calls, with the seeds from 1 on and a deadline of 10 seconds.
    fn default() -> Self {
        Self {
            seed: 1,
            histories: 20,
            calls: 40,
            deadline: Duration::from_secs(10),
        }
    }
}

/// Checks a log store with sequences of calls, restarts and power cuts, and with openraft's own suite.
///
/// `new_disk` makes a blank [`LogDisk`], and is called about 90 times. In addition to the time that the store itself
/// needs, a check takes about 8 seconds, because openraft's suite sleeps for a second after each of 8 purges.
///
/// # Errors
///
/// A [`Violation`] of the first [`Rule`] that is broken. An error of `new_disk` is also returned as a violation.
/// openraft's suite panics at a failed assertion. This function catches the panic and returns its message as a
/// violation. Standard error also shows the panic, with the line of the assertion. A program that is built with
/// `panic = "abort"` in its profile aborts instead. Tests do not, because `cargo test` ignores that setting.
///
/// # Examples
///
/// See the [module](super) and [`LogDisk`].
pub async fn log_store<C, D>(new_disk: impl Fn() -> io::Result<D> + Send + Sync) -> Result<LogStoreReport, Violation>
where
    C: RaftTypeConfig<D: Debug, R: Debug, Term: From<u64>, NodeId: From<u64>, Node: Default>,
    D: LogDisk<C> + Send + Sync,
{
    log_store_with(LogStoreOptions::default(), new_disk).await
}

/// Checks a log store like [`log_store`], with as many calls as `options` specify.
///
/// # Errors
///
/// The errors of [`log_store`].
///
/// # Examples
///
/// ```
/// use openraft_toolkit::test_fakes::MemLogStore;
/// use openraft_toolkit::test_fakes::conformance::{LogStoreOptions, log_store_with};
///
/// openraft_toolkit::declare_raft_types_ext! {
///     pub Types: Node = (), AppData = String, AppDataResponse = ()
/// }
///
/// # async fn check() -> Result<(), Box<dyn std::error::Error>> {
/// let options = LogStoreOptions { histories: 3, ..LogStoreOptions::default() };
/// let report = log_store_with(options, || Ok(MemLogStore::<Types>::new())).await?;
/// println!("{report}");
/// # Ok(())
/// # }
/// ```
pub async fn log_store_with<C, D>(
    options: LogStoreOptions,
    new_disk: impl Fn() -> io::Result<D> + Send + Sync,
) -> Result<LogStoreReport, Violation>
where
    C: RaftTypeConfig<D: Debug, R: Debug, Term: From<u64>, NodeId: From<u64>, Node: Default>,
    D: LogDisk<C> + Send + Sync,
{
    let mut report = LogStoreReport::default();
    for (calls, seed) in calls::fixed()
        .into_iter()
        .map(|calls| (calls, None))
        .chain(random(&options))
    {
        let disk = new_disk().map_err(no_disk)?;
        let mut history = History::start(disk, options.deadline).await?;
        let outcome = history.run(&calls, &mut report).await;
        outcome.map_err(|violation| Violation { seed, ..violation })?;
    }
    history::holes(new_disk().map_err(no_disk)?, options.deadline).await?;
    openraft_suite(&new_disk).await?;
    Ok(report)
}

/// Returns random sequences of calls, each with its seed.
fn random(options: &LogStoreOptions) -> impl Iterator<Item = (Vec<Call>, Option<u64>)> {
    (0..options.histories).map(|n| {
        let seed = options.seed.wrapping_add(n);
        let mut rng = Rng::with_seed(seed);
        let calls = (0..options.calls).map(|_| Call::random(&mut rng));
        (calls.collect(), Some(seed))
    })
}

fn no_disk(error: io::Error) -> Violation {
    Violation::new(Rule::CallsSucceed, format!("no blank disk: {error}"))
}

/// Runs openraft's suite, and turns its panic or error into a violation.
async fn openraft_suite<C, D>(new_disk: &(impl Fn() -> io::Result<D> + Send + Sync)) -> Result<(), Violation>
where
    C: RaftTypeConfig<D: Debug, R: Debug, Term: From<u64>, NodeId: From<u64>, Node: Default>,
    D: LogDisk<C> + Send + Sync,
{
    let found = match AssertUnwindSafe(Suite::test_all(Builder(new_disk)))
        .catch_unwind()
        .await
    {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("{}; help: standard error names the assertion", message(&*panic)),
    };
    Err(Violation::new(Rule::OpenraftSuite, found))
}

/// Returns the message of a panic, or a fixed text if the panic has no message.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked")
}

/// Builds the stores that openraft's suite tests.
struct Builder<'a, F>(&'a F);

impl<C, D, F> StoreBuilder<C, D::LogStore, MemStateMachine<C, ()>, D> for Builder<'_, F>
where
    C: RaftTypeConfig,
    D: LogDisk<C> + Send + Sync,
    D::LogStore: RaftLogStorage<C>,
    F: Fn() -> io::Result<D> + Send + Sync,
{
    async fn build(&self) -> Result<(D, D::LogStore, MemStateMachine<C, ()>), StorageError<C>> {
        let failed = |e: io::Error| StorageError::read(C::err_from_error(&e));
        let mut disk = (self.0)().map_err(failed)?;
        let store = disk.open().await.map_err(failed)?;
        Ok((disk, store, MemStateMachine::silent()))
    }
}
