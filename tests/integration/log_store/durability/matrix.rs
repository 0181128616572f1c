//! The database has any configuration, and a user writes to it, flushes it, and creates and drops column families in
//! it. A killed process and a power failure lose nothing that was acknowledged, and the database is not refused.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use fastrand::Rng;
use openraft_toolkit::log_store::{GroupPrefixed, LOG_CF, META_CF, open_db_with};
use openraft_toolkit_tests::configuration::{CONFIGURATIONS, Configuration, options_of, pick};
use openraft_toolkit_tests::image::{ACCOUNT, Image};
use openraft_toolkit_tests::log::Store;
use openraft_toolkit_tests::model::{Call, Model};
use openraft_toolkit_tests::run::{Length, length, rng, rounds};
use rocksdb::{DB, Options};
use tempfile::TempDir;

const GROUPS: [u64; 3] = [0, 7, u64::MAX];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_configuration_loses_or_refuses_what_was_acknowledged() {
    let mut rng = rng();
    let mut tally = Tally::default();
    let end = Instant::now() + Duration::from_secs(rounds(0, 180));
    let mut configurations = match length() {
        Length::Short => pick(&mut rng, 6),
        _ => pick(&mut rng, CONFIGURATIONS.len()),
    };
    loop {
        for configuration in configurations {
            campaign(configuration, &mut rng, &mut tally).await;
        }
        if length() != Length::Soak || Instant::now() > end {
            break;
        }
        configurations = pick(&mut rng, CONFIGURATIONS.len());
    }
    let Tally {
        tried,
        kills,
        power_failures,
        lost,
        refused,
    } = tally;
    println!(
        "configurations: {} tried, {kills} kills and {power_failures} power failures, {lost} lost, {refused} refused",
        tried.len()
    );
    assert_eq!((lost, refused), (0, 0));
}

#[derive(Default)]
struct Tally {
    tried: BTreeSet<&'static str>,
    kills: u64,
    power_failures: u64,
    lost: u64,
    refused: u64,
}

/// Opens the database with all column families that it has.
fn open(dir: &Path, configuration: Configuration) -> Result<DB, String> {
    let options = options_of(configuration);
    let existing = DB::list_cf(&options, dir).unwrap_or_default();
    let names = existing
        .into_iter()
        .chain(["default", LOG_CF, META_CF].map(String::from));
    let families = names.collect::<BTreeSet<_>>();
    let db = open_db_with(
        dir,
        options.clone(),
        families.into_iter().map(|name| (name, options.clone())),
    );
    db.map(|db| Arc::into_inner(db).unwrap()).map_err(|e| e.to_string())
}

fn open_store(db: &Arc<DB>, group: u64) -> Result<Store<GroupPrefixed>, String> {
    Store::open(db.clone(), LOG_CF, META_CF, GroupPrefixed::new(group)).map_err(|e| e.to_string())
}

async fn read(dir: &Path, configuration: Configuration) -> Result<Vec<Model>, String> {
    let db = Arc::new(open(dir, configuration)?);
    let mut models = Vec::new();
    for group in GROUPS {
        let mut store = open_store(&db, group)?;
        models.push(Model::try_of(&mut store).await.map_err(|e| e.to_string())?);
    }
    Ok(models)
}

/// Lets a database live through several processes, and checks copies of its files on the way.
async fn campaign(configuration: Configuration, rng: &mut Rng, tally: &mut Tally) {
    tally.tried.insert(configuration.0);
    let mut dir = TempDir::new().unwrap();
    let mut models = vec![Model::default(); GROUPS.len()];
    for process in 0..3 {
        // With rocksdb's feature `multi-threaded-cf`, `create_cf` and `drop_cf` take `&self`.
        #[allow(unused_mut)]
        let mut db = open(dir.path(), configuration).unwrap_or_else(|e| panic!("{configuration:?}: {e}"));
        // A column family comes and goes, and leaves operations behind.
        let scratch = format!("scratch{process}");
        db.create_cf(&scratch, &Options::default()).unwrap();
        db.put_cf(&db.cf_handle(&scratch).unwrap(), b"k", b"v").unwrap();
        if rng.bool() {
            db.drop_cf(&scratch).unwrap();
        }
        let db = Arc::new(db);
        let mut stores = GROUPS.map(|group| open_store(&db, group).unwrap());
        let user = User::start(db.clone(), rng.u64(..));

        // What the groups held when all calls were durable, and after each later call.
        let mut states = vec![models.clone()];
        let mut last = None;
        for _ in 0..rng.usize(4..12) {
            let group = rng.usize(..GROUPS.len());
            let (call, is_durable) = random_call(rng, &models[group]);
            models[group].apply(&call, &mut stores[group]).await.unwrap();
            if is_durable {
                states.clear();
            }
            states.push(models.clone());
            if rng.u8(..3) == 0 {
                user.pause();
                let image = Image::of_running(&dir);
                user.go_on();
                check(configuration, &image, &states, tally).await;
                tally.kills += 1;
                let account = [Some(&image), last.as_ref()][rng.usize(..2)].unwrap_or(&image);
                if let Some(cut) = power_failure(rng, &image, account) {
                    check(configuration, &cut, &states, tally).await;
                    tally.power_failures += 1;
                }
                last = Some(image);
            }
        }
        user.pause();
        // The next process goes on after a kill, or after a clean end.
        let killed = rng.bool().then(|| Image::of_running(&dir));
        drop(user);
        drop(stores);
        let db = Arc::into_inner(db).unwrap();
        if rng.bool() {
            for cf in ["default", LOG_CF, META_CF] {
                db.flush_cf(&db.cf_handle(cf).unwrap()).unwrap();
            }
        }
        drop(db);
        if let Some(killed) = killed {
            dir = killed.write();
        }
        match read(dir.path(), configuration).await {
            Ok(found) if states.contains(&found) => models = found,
            Ok(_) => return tally.lost += 1,
            Err(e) => {
                eprintln!("{configuration:?}: refused: {e}");
                return tally.refused += 1;
            }
        }
    }
}

async fn check(configuration: Configuration, image: &Image, states: &[Vec<Model>], tally: &mut Tally) {
    let dir = image.write();
    match read(dir.path(), configuration).await {
        Ok(found) if states.contains(&found) => {}
        Ok(found) => {
            eprintln!("{configuration:?}: lost: {found:?}");
            tally.lost += 1;
        }
        Err(e) => {
            eprintln!("{configuration:?}: refused: {e}");
            tally.refused += 1;
        }
    }
}

/// Returns a call, and whether it is durable when it returns.
fn random_call(rng: &mut Rng, model: &Model) -> (Call, bool) {
    let entries = model.entries.len() as u64;
    match rng.u8(..8) {
        0 => (Call::Vote { committed: rng.bool() }, true),
        1 => (Call::Truncate { count: rng.u64(..3) }, true),
        2 if entries > 0 => (
            Call::Purge {
                count: rng.u64(..entries),
            },
            false,
        ),
        3 => (Call::Committed { some: rng.bool() }, false),
        4 => (Call::append(rng.u64(1..=3), 20_000), true),
        _ => (Call::append(rng.u64(1..=3), rng.usize(..200)), true),
    }
}

/// Returns the files as a power failure may leave them: the WAL is cut or damaged after its durable part, and the
/// account is that of `account`, which is the same or an earlier moment of this process.
///
/// Returns `None` if a WAL was created after the last one with data, because RocksDB may have synced the latter.
fn power_failure(rng: &mut Rng, image: &Image, account: &Image) -> Option<Image> {
    let newest = image.newest_wal();
    let mut wal = image.0[newest].clone();
    if wal.is_empty() {
        return None;
    }
    // RocksDB has synced the WALs before the newest one where it flushes them, so leave them as they are.
    let durable = match image.account()? {
        synced if synced.wal_name() == newest => synced.wal_length,
        _ => 0,
    };
    let account = account.0.get(ACCOUNT).cloned();
    match rng.u8(..3) {
        0 => wal.truncate(rng.usize(durable..=wal.len())),
        1 => wal[durable..].fill(0),
        _ => rng.fill(&mut wal[durable..]),
    }
    Some(image.with(newest, Some(wal)).with(ACCOUNT, account))
}

/// A user of the same database, on a thread of its own.
struct User {
    control: Arc<Control>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Control {
    paused: AtomicBool,
    stop: AtomicBool,
    /// How often the thread has seen that it is paused.
    seen: AtomicU64,
}

impl User {
    fn start(db: Arc<DB>, seed: u64) -> Self {
        let control = Arc::new(Control::default());
        let thread = std::thread::spawn({
            let control = control.clone();
            move || {
                let mut rng = Rng::with_seed(seed);
                while !control.stop.load(Relaxed) {
                    if control.paused.load(Relaxed) {
                        control.seen.fetch_add(1, Relaxed);
                        std::thread::sleep(Duration::from_micros(50));
                        continue;
                    }
                    let cf = ["default", LOG_CF, META_CF][rng.usize(..3)];
                    match rng.u8(..100) {
                        0 => db.flush_cf(&db.cf_handle(cf).unwrap()).unwrap(),
                        1 => db.compact_range_cf(&db.cf_handle(cf).unwrap(), None::<&[u8]>, None::<&[u8]>),
                        2..=10 => db.delete([rng.u8(..)]).unwrap(),
                        _ => {
                            db.put([rng.u8(..)], vec![0; rng.usize(..4_000)]).unwrap();
                            std::thread::sleep(Duration::from_micros(50));
                        }
                    }
                }
            }
        });
        Self {
            control,
            thread: Some(thread),
        }
    }

    /// Returns once the thread writes nothing.
    fn pause(&self) {
        self.control.paused.store(true, Relaxed);
        // The thread may see the pause for the first time only after what it is doing now.
        let seen = self.control.seen.load(Relaxed);
        while self.control.seen.load(Relaxed) < seen + 2 {
            assert!(self.thread.as_ref().is_some_and(|thread| !thread.is_finished()));
            std::thread::yield_now();
        }
    }

    fn go_on(&self) {
        self.control.paused.store(false, Relaxed);
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.control.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
