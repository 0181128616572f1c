use std::time::Instant;

use super::run::Run;
use crate::durability::seed;

#[test]
fn one() {
    let started = Instant::now();
    let report = Run::of(seed()).under(|nemesis| nemesis.rounds(8));
    match report {
        Ok(report) => println!("{:?} {}\n{:#?}", started.elapsed(), report.stats, report.faults),
        Err(violation) => panic!("{violation}"),
    }
}
