use std::any::Any;
use std::fmt::{self, Debug};
use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use fastrand::Rng;
use futures_util::FutureExt;
use openraft::storage::RaftLogStorage;
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::TypeConfigExt;
use openraft::{RaftTypeConfig, StorageError};

use super::history::{self, History};
use super::{LogDisk, Rule, Violation};
use crate::test_fakes::MemStateMachine;

/// How much [`log_store_with`] does.
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
    /// The seed of the first random sequence of calls; each further one has the next number.
    pub seed: u64,
    /// How many random sequences of calls, each on a blank disk.
    pub histories: u64,
    /// How many calls in each.
    pub calls: u64,
    /// How long a callback may take.
    pub deadline: Duration,
}

impl Default for LogStoreOptions {
    /// 20 sequences of 40 calls from seed 1, 10 seconds for a callback.
    fn default() -> Self {
        Self {
            seed: 1,
            histories: 20,
            calls: 40,
            deadline: Duration::from_secs(10),
        }
    }
}

/// What [`log_store`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStoreReport {
    /// Calls in all, without those of openraft's suite.
    pub calls: u64,
    /// Restarts, on which the log was compared with what must be there.
    pub restarts: u64,
    /// Power cuts, likewise; 0 where [`LogDisk::power_cut`] returned none.
    pub power_cuts: u64,
}

impl fmt::Display for LogStoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            calls,
            restarts,
            power_cuts,
        } = self;
        write!(f, "{calls} calls, {restarts} restarts, {power_cuts} power cuts")
    }
}

/// Checks a log store: openraft's own suite, and then that what openraft relies on outlives restarts and power
/// cuts. `new_disk` makes a blank [`LogDisk`], about 90 in all.
///
/// Takes about 8 seconds more than the store itself needs, because openraft's suite waits for purges.
///
/// # Errors
///
/// The first [`Rule`] that is broken. openraft's suite panics instead, which is caught; what the panic says goes
/// to standard error too, and names the line of the assertion. Where panics abort, this process is aborted.
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

/// As [`log_store`], for as long as you want.
///
/// # Errors
///
/// As [`log_store`].
pub async fn log_store_with<C, D>(
    options: LogStoreOptions,
    new_disk: impl Fn() -> io::Result<D> + Send + Sync,
) -> Result<LogStoreReport, Violation>
where
    C: RaftTypeConfig<D: Debug, R: Debug, Term: From<u64>, NodeId: From<u64>, Node: Default>,
    D: LogDisk<C> + Send + Sync,
{
    let mut report = LogStoreReport::default();
    for (calls, seed) in history::fixed()
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

/// Random sequences of calls, each with its seed.
fn random(options: &LogStoreOptions) -> impl Iterator<Item = (Vec<history::Call>, Option<u64>)> {
    (0..options.histories).map(|n| {
        let seed = options.seed.wrapping_add(n);
        let mut rng = Rng::with_seed(seed);
        let calls = (0..options.calls).map(|_| history::Call::random(&mut rng));
        (calls.collect(), Some(seed))
    })
}

fn no_disk(error: io::Error) -> Violation {
    Violation::new(Rule::CallsSucceed, format!("no blank disk: {error}"))
}

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

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked")
}

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
