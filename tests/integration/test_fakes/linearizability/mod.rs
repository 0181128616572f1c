//! The checker of histories: its verdicts, its speed, and a comparison with another checker.

mod long;
mod stateright;
mod verdicts;
