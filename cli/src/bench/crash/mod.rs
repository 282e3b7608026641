//! `squall bench crash`: a topology is killed again and again, at moments it cannot choose and at
//! every named step of recovery and commit; afterwards every number must be right.

mod found;
mod truth;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use squall_broker::{Batch, Error, QueueAttributes};
use squall_framework::STEPS;

use self::truth::Truth;
use super::Scratch;
use crate::{failure::Failure, local::DataFolder};

const TOPOLOGY: &str = include_str!("topology.yaml");
/// A run that was to die at a step and does not come to it is killed after so long.
const STEP_PATIENCE: Duration = Duration::from_secs(8);
/// The last run may take so long.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(2);

/// What is to be done.
pub(crate) struct Plan<'a> {
    pub(crate) kills: u32,
    pub(crate) messages: u64,
    pub(crate) seed: u64,
    /// Where the results go; a SQLite file in the scratch folder if it is not named.
    pub(crate) store: Option<&'a str>,
    /// Bytes of state in memory, as the topology has it.
    pub(crate) memory: &'a str,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Crashed {
    pub(crate) kills: u32,
    /// Of which at a named step.
    pub(crate) at_steps: u32,
    /// Of which at a random moment.
    pub(crate) at_random: u32,
    /// Messages that were sent in all.
    pub(crate) messages: u64,
    pub(crate) seconds: f64,
    /// What is wrong; empty when every number is right.
    pub(crate) wrong: Vec<String>,
}

/// Kills as the plan says and compares.
pub(crate) fn crash(scratch: &Scratch, plan: &Plan<'_>) -> Result<Crashed, Failure> {
    let begin = Instant::now();
    let sqlite = format!("sqlite://{}", scratch.join("results.db").display());
    let place = Place::new(scratch, plan.store.unwrap_or(&sqlite), plan.memory)?;
    let mut truth = Truth::new(plan.seed);
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    let (mut at_steps, mut at_random) = (0, 0);
    for kill in 0..plan.kills {
        place.send(&mut truth, plan.messages)?;
        // Two of three at a step, each step in its turn, for the first, second or third time.
        let step = (kill % 3 < 2).then(|| {
            let step = STEPS[(kill as usize * 2 / 3) % STEPS.len()];
            let once = step.starts_with("recover") || step == "epoch.open";
            format!("{step}:{}", if once { 1 } else { rng.u32(1..4) })
        });
        let mut child = place.start(step.as_deref(), false)?;
        let limit = match &step {
            Some(_) => STEP_PATIENCE,
            None => Duration::from_millis(rng.u64(20..600)),
        };
        let died = wait(&mut child, limit)?;
        match (died, &step) {
            (Some(code), Some(_)) if code.is_none() => at_steps += 1,
            (Some(Some(code)), _) => {
                return Err(Failure::failed(format!("a run ended by itself with code {code}")));
            }
            _ => {
                kill_now(&mut child)?;
                at_random += 1;
            }
        }
    }
    let mut last = place.start(None, true)?;
    match wait(&mut last, PATIENCE)? {
        Some(Some(0)) => {}
        Some(code) => return Err(Failure::failed(format!("the last run ended with {code:?}"))),
        None => {
            kill_now(&mut last)?;
            return Err(Failure::failed(format!("the last run did not end within {PATIENCE:?}")));
        }
    }
    let wrong = found::wrong(&truth, &place.store, &place.data)?;
    Ok(Crashed {
        kills: at_steps + at_random,
        at_steps,
        at_random,
        messages: truth.sent,
        seconds: begin.elapsed().as_secs_f64(),
        wrong,
    })
}

/// Where it happens.
struct Place {
    data: PathBuf,
    topology: PathBuf,
    store: String,
    memory: String,
    program: PathBuf,
}

impl Place {
    fn new(scratch: &Scratch, store: &str, memory: &str) -> Result<Self, Failure> {
        let topology = scratch.join("crash.yaml");
        std::fs::write(&topology, TOPOLOGY)?;
        let program = std::env::current_exe()?;
        let (store, memory) = (store.to_owned(), memory.to_owned());
        Ok(Place { data: scratch.join("data"), topology, store, memory, program })
    }

    /// Sends shares and waits until they are on disk. Nobody else has the folder.
    fn send(&self, truth: &mut Truth, count: u64) -> Result<(), Failure> {
        let folder = DataFolder::open(&self.data)?;
        let queue = match folder.store().queue("shares") {
            Err(Error::NoQueue(_)) => {
                folder.store().create_queue("shares", &QueueAttributes::default())?
            }
            found => found?,
        };
        let mut batch = Batch::default();
        for _ in 0..count {
            batch.push(truth.share().as_bytes());
        }
        queue.send_batch(batch)?.wait()?;
        Ok(())
    }

    fn start(&self, step: Option<&str>, to_the_end: bool) -> Result<Child, Failure> {
        let mut command = Command::new(&self.program);
        command.arg("run").arg(&self.topology).arg("--data").arg(&self.data);
        command.env("STORE", &self.store).env("MEMORY", &self.memory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.log()?);
        if let Some(step) = step {
            command.env("SQUALL_DIE_AT", step);
        }
        if to_the_end {
            command.args(["--until-idle", "--patience", "120s"]);
        }
        command.spawn().map_err(|error| {
            Failure::failed(format!("cannot start {}: {error}", self.program.display()))
        })
    }

    /// What the runs say, one behind the other.
    fn log(&self) -> Result<std::fs::File, Failure> {
        let path = log_of(&self.topology);
        Ok(std::fs::OpenOptions::new().create(true).append(true).open(path)?)
    }
}

fn log_of(topology: &Path) -> PathBuf {
    topology.with_extension("log")
}

/// The exit code, `Some(None)` for a signal, or nothing if it is still running after `limit`.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<Option<i32>>, Failure> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.code()));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

fn kill_now(child: &mut Child) -> Result<(), Failure> {
    child.kill()?;
    child.wait()?;
    Ok(())
}
