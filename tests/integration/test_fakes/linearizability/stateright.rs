//! Compares the checker with stateright's. The two share no code, and come to the same verdict.

use openraft_toolkit::test_fakes::linearizability::{Answer, History, Op};
use proptest::prelude::*;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

/// The sequential specification of a key, in the form that stateright needs.
#[derive(Clone, Debug, Default)]
struct Register(Option<String>);

impl SequentialSpec for Register {
    type Op = Op;
    type Ret = Answer;

    fn invoke(&mut self, op: &Op) -> Answer {
        match op {
            Op::Put(value) => {
                self.0 = Some(value.clone());
                Answer::Done
            }
            Op::Get => Answer::Value(self.0.clone()),
            Op::CompareAndSet { expected, new } => {
                if self.0 != *expected {
                    return Answer::Found(self.0.clone());
                }
                self.0 = Some(new.clone());
                Answer::Swapped
            }
            Op::Delete => {
                self.0 = None;
                Answer::Done
            }
        }
    }
}

/// What a client does next. A client without an open call makes a call. A client with an open call gets its answer, or
/// gives up.
#[derive(Clone, Debug)]
struct Step {
    client: usize,
    op: Op,
    answer: u8,
}

fn value() -> impl Strategy<Value = String> {
    (0..3u8).prop_map(|value| value.to_string())
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => value().prop_map(Op::Put),
        3 => Just(Op::Get),
        2 => (proptest::option::weighted(0.8, value()), value())
            .prop_map(|(expected, new)| Op::CompareAndSet { expected, new }),
        1 => Just(Op::Delete),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..4usize, op(), any::<u8>()).prop_map(|(client, op, answer)| Step { client, op, answer });
    proptest::collection::vec(step, 0..24)
}

/// Applies `op` to the register. Returns the right answer, or a wrong answer for some values of `choice`.
fn answer(register: &mut Register, op: &Op, choice: u8) -> Answer {
    let right = register.invoke(op);
    match (right, choice % 8) {
        (Answer::Value(_), 0) => Answer::Value(None),
        (Answer::Value(_), choice @ 1..=2) => Answer::Value(Some(choice.to_string())),
        (Answer::Swapped, 0) => Answer::Found(Some("0".into())),
        (Answer::Found(_), 0) => Answer::Swapped,
        (Answer::Found(_), choice @ 1..=2) => Answer::Found(Some(choice.to_string())),
        (right, _) => right,
    }
}

/// Records `steps` in both checkers, and returns their verdicts.
fn verdicts(steps: Vec<Step>) -> (bool, bool) {
    let history = History::new();
    let clients = [(); 4].map(|()| history.client());
    let mut calls = [const { None }; 4];
    // A thread of stateright's has one open call at most, so a client that gave up goes on as a new thread.
    let mut threads = [0, 1, 2, 3];
    let mut tester = LinearizabilityTester::new(Register::default());
    let mut register = Register::default();
    for Step {
        client,
        op,
        answer: choice,
    } in steps
    {
        match calls[client].take() {
            None => {
                tester.on_invoke(threads[client], op.clone()).unwrap();
                calls[client] = Some((clients[client].call("k", op.clone()), op));
            }
            Some((call, _)) if choice % 8 == 7 => {
                drop(call);
                threads[client] += 4;
            }
            Some((call, op)) => {
                let answer = answer(&mut register, &op, choice);
                tester.on_return(threads[client], answer.clone()).unwrap();
                call.returned(answer);
            }
        }
    }
    (history.check().is_ok(), tester.is_consistent())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_checkers_come_to_the_same_verdict(steps in steps()) {
        let (ours, theirs) = verdicts(steps);
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn random_histories_are_often_linearizable_and_often_not() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let cases = 500;
    let linearizable = (0..cases)
        .filter(|_| verdicts(steps().new_tree(&mut runner).unwrap().current()).0)
        .count();
    assert!(
        (cases / 5..cases * 4 / 5).contains(&linearizable),
        "{linearizable} of {cases}"
    );
}
