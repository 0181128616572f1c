//! Runs a test of this binary as a separate process, which can then be killed or have its own disk.

use std::env;
use std::path::Path;
use std::process::Command;

use openraft_toolkit_tests::run::skip;

/// Returns the command that runs the ignored test `process` of `module`, which is a `module_path!()`.
///
/// `launcher` is a program with its arguments that runs the command which follows them, or is empty.
pub fn process_of(module: &str, launcher: &[&str]) -> Command {
    let (_this_crate, module) = module.split_once("::").unwrap();
    let this = env::current_exe().unwrap();
    let mut command = match launcher.split_first() {
        Some((program, args)) => {
            let mut command = Command::new(program);
            command.args(args).arg(this);
            command
        }
        None => Command::new(this),
    };
    command.args(["--exact", &format!("{module}::process"), "--ignored", "--nocapture"]);
    command
}

/// Returns the command of [`process_of`], with a separate file system that is mounted at `path`. The process finds the
/// path in the environment variable `variable`. `mount` are arguments of `mount`.
///
/// Returns `None` if the test must be skipped, because it may not mount a file system.
pub fn process_on_mount(module: &str, mount: &str, variable: &str, path: &Path) -> Option<Command> {
    let unshare = ["unshare", "--map-root-user", "--mount"];
    let trial = format!("mount {mount} none /mnt");
    let can_mount = Command::new(unshare[0])
        .args(&unshare[1..])
        .args(["sh", "-c", &trial])
        .status();
    if !can_mount.is_ok_and(|status| status.success()) {
        skip("this process may not mount a file system");
        return None;
    }
    let script = format!("mount {mount} none \"${variable}\" && exec \"$0\" \"$@\"");
    let mut command = process_of(module, &[&unshare[..], &["sh", "-c", &script]].concat());
    command.env(variable, path);
    Some(command)
}
