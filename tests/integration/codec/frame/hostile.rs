//! Hostile bytes are an error. They cost no more memory, stack or time than is proportional to their length.

use std::collections::{BTreeMap, HashMap};
use std::mem::size_of;

use openraft_toolkit::{CodecError, decode, encode};
use proptest::prelude::*;
use serde::de::DeserializeOwned;

use super::shapes::{Bytes, Everything, List, Shape, Tree, everything, hostile_bytes};
use crate::codec::counting_allocator::peak_of;

#[test]
fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
    for depth in [257, 1_000, 1_000_000] {
        let mut frame = vec![1; depth + 1];
        frame.push(0);
        assert!(
            matches!(decode::<List>(1, &frame), Err(CodecError::Decode(_))),
            "List, {depth} deep"
        );
        assert!(
            matches!(decode::<Tree>(1, &frame), Err(CodecError::Decode(_))),
            "Tree, {depth} deep"
        );
    }
}

#[test]
fn elements_that_take_no_bytes_do_not_loop_for_as_long_as_a_length_says() {
    for count in [65_537u64, 1 << 32, 1 << 60, u64::MAX] {
        let frame = encode(1, &count).unwrap();
        assert!(
            matches!(decode::<Vec<()>>(1, &frame), Err(CodecError::Decode(_))),
            "{count}"
        );
        assert!(
            matches!(decode::<HashMap<(), ()>>(1, &frame), Err(CodecError::Decode(_))),
            "{count}"
        );
    }
}

/// Decodes `frame` as `T`, whose elements take at most `element` bytes of memory, and asserts a bound on the memory
/// that decoding allocates. The factor is 4, because a vector may have twice the capacity that it needs, and is copied
/// when it grows.
fn assert_bounded<T: DeserializeOwned>(element: usize, frame: &[u8]) {
    let (result, peak) = peak_of(|| decode::<T>(1, frame).map(drop));
    // An error message, a hash map or a tree node may take this much memory, however short the frame is.
    let least = 1024;
    let bound = 4 * element * frame.len() + least;
    assert!(
        peak <= bound,
        "{} of {} bytes allocated {peak}, more than {bound} ({result:?})",
        std::any::type_name::<T>(),
        frame.len(),
    );
}

fn assert_bounded_for_every_type(frame: &[u8]) {
    assert_bounded::<String>(1, frame);
    assert_bounded::<Bytes>(1, frame);
    assert_bounded::<Box<str>>(1, frame);
    assert_bounded::<Vec<u8>>(1, frame);
    assert_bounded::<Vec<u64>>(size_of::<u64>(), frame);
    assert_bounded::<Vec<[u64; 16]>>(size_of::<[u64; 16]>(), frame);
    assert_bounded::<Vec<String>>(size_of::<String>(), frame);
    assert_bounded::<Vec<Vec<Vec<u64>>>>(size_of::<Vec<u64>>(), frame);
    assert_bounded::<Vec<()>>(1, frame);
    assert_bounded::<HashMap<u64, u64>>(4 * size_of::<(u64, u64)>(), frame);
    assert_bounded::<BTreeMap<u64, String>>(2 * size_of::<(u64, String)>(), frame);
    assert_bounded::<Shape>(size_of::<Shape>(), frame);
    assert_bounded::<Vec<Shape>>(size_of::<Shape>(), frame);
    assert_bounded::<(String, Vec<u32>, Option<Bytes>)>(size_of::<u32>(), frame);
    assert_bounded::<List>(size_of::<List>(), frame);
    assert_bounded::<Tree>(size_of::<Tree>(), frame);
}

#[test]
fn a_length_of_2_to_the_60_allocates_nothing() {
    let huge = encode(1, &(1u64 << 60)).unwrap();
    assert_bounded_for_every_type(&huge);
    // Put the length at any depth, and more than once.
    for ones in 0..40 {
        let mut frame = vec![1; ones + 1];
        frame.extend(huge[1..].repeat(3));
        assert_bounded_for_every_type(&frame);
    }
}

#[test]
fn a_length_at_each_level_allocates_for_one_level() {
    // Each of the 256 levels claims as many elements of 24 bytes as the frame has bytes.
    let len = 64 * 1024;
    let mut frame = vec![1];
    while frame.len() < len {
        frame.extend([252]);
        frame.extend((len as u32).to_le_bytes());
    }
    assert_bounded_for_every_type(&frame);
}

#[test]
fn a_message_with_as_many_elements_as_it_claims_is_decoded() {
    let value: Vec<Vec<u64>> = (0..1000).map(|i| vec![i; 100]).collect();
    let frame = encode(1, &value).unwrap();
    assert_eq!(decode::<Vec<Vec<u64>>>(1, &frame).unwrap(), value);
    assert_bounded::<Vec<Vec<u64>>>(size_of::<Vec<u64>>(), &frame);
}

proptest! {
    #[test]
    fn any_bytes_decode_within_bounds(mut frame in hostile_bytes()) {
        frame.insert(0, 1);
        assert_bounded_for_every_type(&frame);
    }

    #[test]
    fn a_damaged_frame_decodes_within_bounds(value in everything(), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut frame = encode(1, &value).unwrap();
        let at = at.index(frame.len() - 1) + 1;
        frame[at] = byte;
        if cut {
            frame.truncate(at);
        }
        assert_bounded::<Everything>(size_of::<Shape>().max(size_of::<(String, Vec<i64>)>() * 2), &frame);
    }
}
