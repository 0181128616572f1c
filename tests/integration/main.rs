mod raft_types;
