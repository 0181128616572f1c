//! The demo, scene by scene.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::time::{sleep, timeout};

use super::Args;
use super::cluster::{Cluster, FOUNDERS, NEWCOMER, for_each};
use super::figures::{Reading, count, millis, throughput};
use super::load::{Load, Target};
use crate::eventually::eventually;
use crate::rpc::{AddLearner, HandOver, Host, Look, Remove, SetVoters};
use crate::types::{GroupId, NodeId};

/// The node that is killed, and from which groups are moved away.
const VICTIM: NodeId = 3;

/// The timeout for an election: far longer than an undisturbed election takes.
const ELECTION: Duration = Duration::from_secs(5);

/// Runs the demo. Fails if at the end a replica of a group lacks an acknowledged write, or has counted one twice.
pub async fn tell(args: &Args) -> anyhow::Result<()> {
    let cluster = Cluster::new(args.timing.clone())?;
    let mut story = Story {
        args,
        cluster,
        targets: (1..=args.groups).map(|id| Arc::new(Target::new(id))).collect(),
        members: BTreeMap::new(),
    };
    let told = story.scenes().await;
    // Read the logs of the nodes before their folder is removed.
    told.map_err(|error| error.context(story.cluster.last_log_lines()))
}

struct Story<'a> {
    args: &'a Args,
    cluster: Cluster,
    /// The groups that exist, for clients to write to.
    targets: Vec<Arc<Target>>,
    /// The nodes that should have a replica of a group.
    members: BTreeMap<GroupId, BTreeSet<NodeId>>,
}

impl Story<'_> {
    async fn scenes(&mut self) -> anyhow::Result<()> {
        self.found().await?;
        self.rest().await?;
        self.write().await?;
        self.kill().await?;
        self.balance().await?;
        self.relocate().await?;
        self.remove().await?;
        self.verify().await
    }

    async fn found(&mut self) -> anyhow::Result<()> {
        println!("Three nodes, and {} groups on each", count(self.args.groups as f64));
        for id in FOUNDERS {
            self.cluster.start(id).await?;
        }
        let start = Instant::now();
        self.cluster.found(1..=self.args.groups).await?;
        let leaders = self.cluster.leaders().await?;
        self.members = leaders.keys().map(|group| (*group, FOUNDERS.into())).collect();
        println!("  founded in {:.2?}; {}", start.elapsed(), shares(&leaders));
        Ok(())
    }

    /// Measures what the groups cost while nobody writes.
    async fn rest(&mut self) -> anyhow::Result<()> {
        if self.args.timing.awake {
            println!("\nNobody writes; the groups stay awake");
        } else {
            println!("\nNobody writes");
            let start = Instant::now();
            self.cluster.asleep().await?;
            println!("  after {:.1?}, all groups sleep", start.elapsed());
        }
        let before = Reading::now(&self.cluster).await?;
        sleep(self.args.scene()).await;
        println!("{}", before.until_now(&self.cluster).await?);
        Ok(())
    }

    async fn write(&mut self) -> anyhow::Result<()> {
        println!(
            "\n{} clients write to all groups",
            self.args.clients.min(self.args.groups)
        );
        let before = Reading::now(&self.cluster).await?;
        let load = self.load();
        sleep(self.args.scene()).await;
        let usage = before.until_now(&self.cluster).await?;
        let done = load.stop().await?;
        println!("{}\n{usage}", throughput(&done, &usage));
        Ok(())
    }

    async fn kill(&mut self) -> anyhow::Result<()> {
        println!("\nNode {VICTIM} is killed with SIGKILL, while clients write");
        let leaders = self.cluster.leaders().await?;
        let load = self.load();
        sleep(self.args.scene() / 2).await;
        let killed = Instant::now();
        self.cluster.kill(VICTIM)?;
        self.written_since(killed).await?;
        let start = Instant::now();
        self.cluster.start(VICTIM).await?;
        let served = start.elapsed();
        let stats = self.cluster.stats(VICTIM).await?;
        sleep(self.args.scene() / 2).await;
        let done = load.stop().await?;

        let slowest = done.slowest_since(killed);
        let of = |led: bool| {
            let groups = slowest.iter().filter(|(group, _)| (leaders[*group] == VICTIM) == led);
            let worst = groups.clone().map(|(_, latency)| *latency).max().unwrap_or_default();
            (groups.count(), worst)
        };
        let ((led, elected), (others, undisturbed)) = (of(true), of(false));
        println!(
            "  {led} groups were led by it: their slowest write waited {} for another leader",
            millis(elected)
        );
        println!(
            "  {others} groups were not: their slowest write took {}",
            millis(undisturbed)
        );
        println!(
            "  restarted, it opened the database in {} ms and {} groups in {} ms, and served after {served:.2?}",
            stats.opened_db_ms, self.args.groups, stats.opened_groups_ms,
        );
        let start = Instant::now();
        self.caught_up().await?;
        println!(
            "  all its replicas had all writes {:.2?} after the last one",
            start.elapsed()
        );
        Ok(())
    }

    /// Waits until every group has acknowledged another write.
    async fn written_since(&self, start: Instant) -> anyhow::Result<()> {
        let before: Vec<_> = self.targets.iter().map(|target| target.acknowledged()).collect();
        eventually("writing to all groups", async || {
            let silent = self
                .targets
                .iter()
                .zip(&before)
                .filter(|(target, before)| target.acknowledged() == **before);
            let silent = silent.count();
            ensure!(silent == 0, "{silent} groups had no write for {:?}", start.elapsed());
            Ok(())
        })
        .await
    }

    /// Hands the leadership of each group back to the node that founded it.
    async fn balance(&mut self) -> anyhow::Result<()> {
        let leaders = self.cluster.leaders().await?;
        println!(
            "\nLeadership is balanced, while clients write\n  before: {}",
            shares(&leaders)
        );
        let load = self.load();
        let start = Instant::now();
        for_each(leaders.keys().copied(), async |group| {
            let to = FOUNDERS[group as usize % FOUNDERS.len()];
            self.hand_over(group, to).await
        })
        .await?;
        let took = start.elapsed();
        let done = load.stop().await?;
        let leaders = self.cluster.leaders().await?;
        println!("  after:  {}, in {took:.2?}", shares(&leaders));
        println!("  the slowest write meanwhile took {}", millis(done.latency(1.0)));
        Ok(())
    }

    async fn hand_over(&self, group: GroupId, to: NodeId) -> anyhow::Result<()> {
        eventually("handing over", async || {
            let leader = self.leader(group).await?;
            if leader == to {
                return Ok(());
            }
            self.cluster.call(leader, group, &HandOver { to }).await?;
            // Wait before asking again: asking earlier would only start another election.
            let elected = async {
                while self.leader(group).await.ok() != Some(to) {
                    sleep(Duration::from_millis(20)).await;
                }
            };
            timeout(ELECTION, elected)
                .await
                .with_context(|| format!("node {leader} still leads group {group}"))
        })
        .await
    }

    /// Moves a replica of a tenth of the groups to another node.
    async fn relocate(&mut self) -> anyhow::Result<()> {
        let moved: Vec<_> = self.members.keys().copied().filter(|group| group % 10 == 0).collect();
        println!(
            "\n{} groups move from node {VICTIM} to node {NEWCOMER}, while clients write",
            count(moved.len() as f64)
        );
        self.cluster.start(NEWCOMER).await?;
        let load = self.load();
        let start = Instant::now();
        let voters = BTreeSet::from([1, 2, NEWCOMER]);
        for_each(moved.iter().copied(), async |group| {
            // Hand leadership over first: if the leader left the group, writes would wait until the other nodes have
            // elected a leader.
            self.hand_over(group, 1).await?;
            self.cluster.call(NEWCOMER, group, &Host { founders: None }).await?;
            let learner = AddLearner {
                id: NEWCOMER,
                node: self.cluster.node(NEWCOMER),
            };
            self.cluster.call(1, group, &learner).await?;
            let voters = SetVoters { voters: voters.clone() };
            self.cluster.call(1, group, &voters).await?;
            // The group's log is removed from the shared database.
            self.cluster.call(VICTIM, group, &Remove {}).await?;
            Ok(())
        })
        .await?;
        let took = start.elapsed();
        let done = load.stop().await?;
        for group in &moved {
            self.members.insert(*group, voters.clone());
        }
        println!(
            "  moved in {took:.2?}, and their logs are gone from node {VICTIM}; the slowest write meanwhile took {}",
            millis(done.latency(1.0))
        );
        Ok(())
    }

    /// Removes another tenth of the groups from all nodes.
    async fn remove(&mut self) -> anyhow::Result<()> {
        let removed: Vec<_> = self.members.keys().copied().filter(|group| group % 10 == 5).collect();
        println!("\n{} groups are removed", count(removed.len() as f64));
        let start = Instant::now();
        for_each(removed.iter().copied(), async |group| {
            for id in &self.members[&group] {
                self.cluster.call(*id, group, &Remove {}).await?;
            }
            Ok(())
        })
        .await?;
        self.members.retain(|group, _| !removed.contains(group));
        self.targets.retain(|target| self.members.contains_key(&target.id));
        println!("  removed from all nodes in {:.2?}", start.elapsed());
        Ok(())
    }

    async fn verify(&mut self) -> anyhow::Result<()> {
        println!("\nAll nodes are killed with SIGKILL at once, and started again");
        let nodes = FOUNDERS.into_iter().chain([NEWCOMER]);
        for id in nodes.clone() {
            self.cluster.kill(id)?;
        }
        for id in nodes {
            self.cluster.start(id).await?;
        }
        let start = Instant::now();
        self.cluster.leaders().await?;
        println!("  all groups have leaders after {:.2?}", start.elapsed());
        self.caught_up().await?;
        self.cluster.stop().await?;

        let writes: u64 = self.targets.iter().map(|target| target.acknowledged()).sum();
        let replicas: usize = self.members.values().map(BTreeSet::len).sum();
        println!("\ngroups    {:>10}", count(self.members.len() as f64));
        println!(
            "replicas  {:>10}  each where it belongs, and nowhere else",
            count(replicas as f64)
        );
        println!(
            "writes    {:>10}  acknowledged, and counted once by every replica",
            count(writes as f64)
        );
        Ok(())
    }

    /// Waits until each node has exactly the groups that it should have, and has counted every acknowledged write once.
    /// No client may write meanwhile.
    async fn caught_up(&self) -> anyhow::Result<()> {
        let mut expected: BTreeMap<NodeId, BTreeMap<GroupId, u64>> = BTreeMap::new();
        for target in &self.targets {
            for id in &self.members[&target.id] {
                expected
                    .entry(*id)
                    .or_default()
                    .insert(target.id, target.acknowledged());
            }
        }
        eventually("reading every replica", async || {
            for (id, groups) in self.cluster.list().await? {
                let found: BTreeMap<_, _> = groups.into_iter().map(|(group, view)| (group, view.count)).collect();
                let expected = expected.get(&id).cloned().unwrap_or_default();
                let either = found.keys().chain(expected.keys());
                let wrong: BTreeSet<_> = either.filter(|group| found.get(group) != expected.get(group)).collect();
                let Some(first) = wrong.first() else { continue };
                let (has, should) = (found.get(first), expected.get(first));
                bail!(
                    "{} replicas on node {id} are wrong: group {first} counts {has:?} writes instead of {should:?}",
                    wrong.len()
                );
            }
            Ok(())
        })
        .await
    }

    /// Finds the node that claims to lead the group.
    async fn leader(&self, group: GroupId) -> anyhow::Result<NodeId> {
        for id in &self.members[&group] {
            if self.cluster.call(*id, group, &Look {}).await?.leader == Some(*id) {
                return Ok(*id);
            }
        }
        bail!("no node leads group {group}")
    }

    fn load(&self) -> Load {
        Load::start(&self.targets, self.cluster.connections(), self.args.clients)
    }
}

/// Formats how many groups each node leads.
fn shares(leaders: &BTreeMap<GroupId, NodeId>) -> String {
    let mut shares = BTreeMap::new();
    for leader in leaders.values() {
        *shares.entry(leader).or_insert(0) += 1;
    }
    let shares = shares
        .iter()
        .map(|(node, groups)| format!("node {node} leads {groups}"));
    shares.collect::<Vec<_>>().join(", ")
}
