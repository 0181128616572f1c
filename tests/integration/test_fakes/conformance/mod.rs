//! `test_fakes::conformance`: the log stores and key spaces of the library keep the rules of openraft (`stores`), and
//! the checks find stores and key spaces that break a rule (`violations`).

mod stores;
mod violations;
