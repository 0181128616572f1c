//! The check of one key.

use std::collections::HashSet;
use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;

use todc_utils::{Action, History, Specification, WGLChecker};

use crate::history::{End, Operation};
use crate::{Answer, Op, Violation};

/// How many operations there were, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The client was told that the operation took effect, or what it read.
    pub returned: usize,
    /// It was refused.
    pub failed: usize,
    /// Nobody knows.
    pub unknown: usize,
    /// The keys that were used.
    pub keys: usize,
}

impl Stats {
    /// All of them.
    pub fn operations(&self) -> usize {
        self.returned + self.failed + self.unknown
    }

    pub(crate) fn count(&mut self, operation: &Operation) {
        match operation.end {
            End::Returned(..) => self.returned += 1,
            End::Failed => self.failed += 1,
            End::Unknown => self.unknown += 1,
        }
    }
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.returned += other.returned;
        self.failed += other.failed;
        self.unknown += other.unknown;
        self.keys += other.keys;
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            returned,
            failed,
            unknown,
            keys,
        } = self;
        let operations = self.operations();
        write!(
            f,
            "{operations} operations on {keys} keys: {returned} returned, {failed} refused, {unknown} unknown"
        )
    }
}

/// The sequential meaning of a key, as the checker wants it.
struct Register;

/// What was called and answered; `None` where nobody heard the answer.
type Answered = Arc<(Op, Option<Answer>)>;

impl Specification for Register {
    type State = Option<String>;
    type Operation = Answered;

    fn init() -> Self::State {
        None
    }

    fn apply(operation: &Answered, value: &Self::State) -> (bool, Self::State) {
        let (op, answer) = &**operation;
        op.apply(value, answer.as_ref())
    }
}

/// Checks the operations on one key, which are in the order of their calls.
pub(crate) fn check_key(key: String, mut operations: Vec<Operation>) -> Result<(), Violation> {
    let seen = seen(&operations);
    operations.retain(|operation| match operation.end {
        End::Returned(..) => true,
        End::Unknown => operation
            .op
            .written()
            .is_some_and(|value| seen.contains(&value.map(str::to_owned))),
        End::Failed => false,
    });
    if is_linearizable(&operations, usize::MAX) {
        return Ok(());
    }

    // A history that is not linearizable stays so, whatever follows: look for the first answer that makes it so.
    let mut returns: Vec<usize> = operations.iter().filter_map(returned).collect();
    returns.sort_unstable();
    let first = returns.partition_point(|event| is_linearizable(&operations, *event));
    let unexplained = returns.get(first).copied().unwrap_or(usize::MAX);
    operations.retain(|operation| operation.called.event < unexplained);
    Err(Violation {
        key,
        operations,
        unexplained,
    })
}

/// The values that someone was told of, or may have depended on.
///
/// An operation without an answer explains nothing unless it wrote one of them: as long as its value stands, every
/// get and compare-and-set tells of it. Leaving out the others spares the search to try each of them everywhere.
fn seen(operations: &[Operation]) -> HashSet<Option<String>> {
    let mut seen = HashSet::new();
    for operation in operations {
        if let Op::CompareAndSet { expected, .. } = &operation.op {
            seen.insert(expected.clone());
        }
        if let End::Returned(_, Answer::Value(value) | Answer::Found(value)) = &operation.end {
            seen.insert(value.clone());
        }
    }
    seen
}

pub(crate) fn returned(operation: &Operation) -> Option<usize> {
    match &operation.end {
        End::Returned(moment, _) => Some(moment.event),
        End::Unknown | End::Failed => None,
    }
}

/// Whether what happened up to the event `last` is linearizable.
fn is_linearizable(operations: &[Operation], last: usize) -> bool {
    let mut events: Vec<(usize, (usize, Action<Answered>))> = Vec::new();
    // Each operation is a process of its own for the checker: that of a client which went on without an answer
    // overlaps what the client did next.
    for (process, operation) in operations.iter().enumerate() {
        if operation.called.event > last {
            continue;
        }
        // What is open returns after all else, where it can be placed even if it never took effect.
        let (event, answer) = match &operation.end {
            End::Returned(moment, answer) if moment.event <= last => (moment.event, Some(answer.clone())),
            _ => (usize::MAX, None),
        };
        let answered = Arc::new((operation.op.clone(), answer));
        events.push((operation.called.event, (process, Action::Call(answered.clone()))));
        events.push((event, (process, Action::Response(answered))));
    }
    events.sort_by_key(|(event, _)| *event);
    let actions: Vec<_> = events.into_iter().map(|(_, action)| action).collect();
    // The checker does not take an empty history.
    actions.is_empty() || WGLChecker::<Register>::is_linearizable(History::from_actions(actions))
}
