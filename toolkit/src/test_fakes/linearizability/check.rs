//! Checks the operations on one key.

use std::collections::HashSet;
use std::sync::Arc;

use todc_utils::{Action, History, Specification, WGLChecker};

use super::operation::{End, Operation};
use super::register::{Answer, Op};
use super::violation::Violation;

/// How operations change one key if they are made one after the other, in the form that `WGLChecker` expects.
struct Register;

/// An operation, and the answer that the client got, or `None` if the client got no answer in the part of the history
/// that is checked.
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

/// Checks the operations on one key. `operations` must be in the order of their calls.
pub(super) fn check_key(key: String, mut operations: Vec<Operation>) -> Result<(), Violation> {
    let observed = observed_values(&operations);
    operations.retain(|operation| match operation.end {
        End::Returned(..) => true,
        End::Unknown => operation
            .op
            .written()
            .is_some_and(|value| observed.contains(&value.map(str::to_owned))),
        End::Failed => false,
    });
    if is_linearizable(&operations, usize::MAX) {
        return Ok(());
    }

    // If a prefix of the history is not linearizable, all longer prefixes are not linearizable either. So a binary
    // search finds the first answer that makes the history not linearizable.
    let mut returns: Vec<usize> = operations.iter().filter_map(Operation::returned).collect();
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

/// Returns the values that a client got as an answer, or that a compare-and-set expected.
///
/// An operation without an answer matters only if it writes one of these values. While any other value is in place, no
/// get and no compare-and-set can return one of the recorded answers. So the check leaves out an operation that writes
/// another value and has no answer: the search would have to try it at every place, in vain.
fn observed_values(operations: &[Operation]) -> HashSet<Option<String>> {
    let mut observed = HashSet::new();
    for operation in operations {
        if let Op::CompareAndSet { expected, .. } = &operation.op {
            observed.insert(expected.clone());
        }
        if let End::Returned(_, Answer::Value(value) | Answer::Found(value)) = &operation.end {
            observed.insert(value.clone());
        }
    }
    observed
}

/// Returns whether the calls and returns up to the event `last` are linearizable.
fn is_linearizable(operations: &[Operation], last: usize) -> bool {
    let mut events: Vec<(usize, (usize, Action<Answered>))> = Vec::new();
    // Make each operation a process of its own. A client that goes on without an answer has two operations in progress,
    // but the checker allows a process only one at a time.
    for (process, operation) in operations.iter().enumerate() {
        if operation.called.event > last {
            continue;
        }
        // Let an operation without an answer return after everything else. At the end, the checker can place the
        // operation even if it never took effect, because no answer comes after it.
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
    // The checker panics on an empty history.
    actions.is_empty() || WGLChecker::<Register>::is_linearizable(History::from_actions(actions))
}
