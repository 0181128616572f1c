//! The part of the WAL that was not durable is lost, in part or completely.

use std::fs;

use openraft_toolkit_tests::image::ACCOUNT;
use openraft_toolkit_tests::model::Call;
use openraft_toolkit_tests::run::{Length, length, rng, rounds, stride};

use super::{Moment, Running, record};

/// The length of an empty batch in the WAL: RocksDB's headers of the WAL record and of the batch, and the mark.
const EMPTY_BATCH: usize = 7 + 12 + 34;

#[tokio::test]
async fn a_wal_that_is_cut_anywhere_behind_what_was_durable_opens_by_itself() {
    let mut rng = rng();
    let moments = record(&mut rng, rounds(6, 25)).await;
    let (mut cuts, mut lost) = (0, 0);
    for (n, moment) in moments.iter().enumerate() {
        let step = match length() {
            Length::Soak => (moment.cuts().count() / 400).max(1),
            _ => stride(5),
        };
        for cut in moment.cuts().step_by(step) {
            // The account is from this moment, from an earlier moment, or missing.
            let earlier = &moments[rng.usize(..=n)];
            let account = [Some(moment), Some(earlier), None][cuts % 3].map(|moment| &moment.durable.0[ACCOUNT]);
            let what = format!("call {n}, the WAL cut to {cut}");
            let is_whole = moment.check(moment.written[..cut].to_vec(), account, &what).await;
            lost += u32::from(!is_whole);
            cuts += 1;
        }
    }
    println!(
        "power cuts: {cuts} within what {} calls had not synced, {lost} lost",
        moments.len()
    );
    assert!(cuts > 100);
    assert_eq!(lost, 0);
}

#[tokio::test]
async fn sectors_that_were_not_durable_may_be_lost_or_hold_anything() {
    let mut rng = rng();
    let moments = record(&mut rng, rounds(30, 200)).await;
    let (mut images, mut lost) = (0, 0);
    for (n, moment) in moments.iter().enumerate() {
        for sector in [16, 64, 512] {
            let mut wal = moment.written.clone();
            for part in wal[*moment.cuts().start()..].chunks_mut(sector) {
                // A page that was never written reads as zeros, or as garbage.
                match rng.u8(..3) {
                    0 => part.fill(0),
                    1 => rng.fill(part),
                    _ => {}
                }
            }
            let account = [Some(&moment.durable.0[ACCOUNT]), None][images % 2];
            let what = format!("call {n}, sectors of {sector} lost");
            let is_whole = moment.check(wal, account, &what).await;
            lost += u32::from(!is_whole);
            images += 1;
        }
    }
    println!("lost sectors: {images} databases, {lost} lost");
    assert_eq!(lost, 0);
}

#[tokio::test]
async fn a_wal_that_was_not_durable_takes_the_next_one_with_it() {
    let mut running = Running::start().await;
    let durable = running.image();
    let mut states = vec![running.models.clone()];
    let wal = durable.newest_wal().to_owned();
    let path = running.dir.path().join(&wal);

    // The purge is not synced. The append after it is in a new WAL when the power fails.
    running
        .call_and_wait_for_growth(0, &Call::Purge { count: 1 }, &path)
        .await;
    states.push(running.models.clone());
    let written = fs::read(&path).unwrap();
    running.flush();
    running.call(0, &Call::append(1, 30)).await;
    states.push(running.models.clone());
    let after = running.image();
    let next = after.newest_wal();
    assert_ne!(wal, next);
    // Cut off the empty batch whose mark says that the append is durable.
    let next_written = &after.0[next][..after.0[next].len() - EMPTY_BATCH];

    let moment = Moment {
        durable,
        wal,
        written,
        states,
    };
    for cut in moment.cuts().step_by(stride(3)) {
        for next_cut in [0, 3, next_written.len()].into_iter().skip(cut % 3).step_by(3) {
            let image = moment
                .durable
                .with(&moment.wal, Some(moment.written[..cut].to_vec()))
                .with(next, Some(next_written[..next_cut].to_vec()));
            let what = format!("cut to {cut} and {next_cut}");
            assert!(moment.check_image(&image, &what).await, "{what}");
        }
    }
}
