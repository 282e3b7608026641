//! The command as a value, to which a user's binary adds its own components.

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, FromArgMatches};
use squall_framework::{
    BatchBolt, Bolt, ComponentType, CustomGrouping, Registry, Result, Spout, ValueRef,
};

use crate::{args::Args, commands, failure::Exit, logs, terminal::Terminal};

/// The `squall` command with the components that its topologies may name.
#[derive(Debug, Clone)]
pub struct App {
    registry: Registry,
}

/// The `squall` command with every component that comes with it.
#[must_use]
pub fn app() -> App {
    App { registry: squall_components::registry() }
}

impl App {
    /// Adds a bolt that a YAML file may name. `make` is called once per task with the bolt's
    /// options; `C` is any type that serde and schemars know, or
    /// [`Config`](crate::prelude::Config) for whatever the file has.
    #[must_use]
    pub fn bolt<C, B>(
        self,
        name: &str,
        make: impl Fn(&C) -> Result<B> + Send + Sync + 'static,
    ) -> Self
    where
        C: serde::de::DeserializeOwned + schemars::JsonSchema + Send + Sync + 'static,
        B: Bolt,
    {
        self.component(ComponentType::bolt(name, make))
    }

    /// As [`bolt`](Self::bolt), for a bolt that works on whole batches and may wait.
    #[must_use]
    pub fn batch_bolt<C, B>(
        self,
        name: &str,
        make: impl Fn(&C) -> Result<B> + Send + Sync + 'static,
    ) -> Self
    where
        C: serde::de::DeserializeOwned + schemars::JsonSchema + Send + Sync + 'static,
        B: BatchBolt,
    {
        self.component(ComponentType::batch_bolt(name, make))
    }

    /// Adds a spout that a YAML file may name; see [`bolt`](Self::bolt).
    #[must_use]
    pub fn spout<C, S>(
        self,
        name: &str,
        make: impl Fn(&C) -> Result<S> + Send + Sync + 'static,
    ) -> Self
    where
        C: serde::de::DeserializeOwned + schemars::JsonSchema + Send + Sync + 'static,
        S: Spout,
    {
        self.component(ComponentType::spout(name, make))
    }

    /// Adds a component type with its documentation, in place of one of the same role and name.
    #[must_use]
    pub fn component(mut self, component: ComponentType) -> Self {
        self.registry.add(component);
        self
    }

    /// Adds a grouping by a rule of your own, which inputs in a YAML file may name:
    /// `grouping: NAME`. `choose` gives for a row and the number of tasks the index of the task
    /// that gets it.
    #[must_use]
    pub fn grouping(
        mut self,
        name: &str,
        choose: impl Fn(&[ValueRef<'_>], usize) -> usize + Send + Sync + 'static,
    ) -> Self {
        self.registry.add_grouping(CustomGrouping::new(name, choose));
        self
    }

    /// Does what the process's arguments say; what `main` gives back.
    #[must_use]
    pub fn main(self) -> ExitCode {
        self.run(std::env::args_os()).into()
    }

    /// Does what these arguments say (the first is the name of the program).
    fn run(self, arguments: impl IntoIterator<Item = OsString>) -> Exit {
        let terminal = Terminal::of_process();
        let matches = match Args::command().try_get_matches_from(arguments) {
            Ok(matches) => matches,
            Err(error) => return usage(&error),
        };
        let args = match Args::from_arg_matches(&matches) {
            Ok(args) => args,
            Err(error) => return usage(&error),
        };
        logs::start(&args.command, &terminal);
        match commands::run(args.command, self.registry, &terminal) {
            Ok(exit) => exit,
            Err(failure) => failure.tell(&terminal),
        }
    }
}

/// Help and version go to the standard output and are no failure; mistakes are.
fn usage(error: &clap::Error) -> Exit {
    // There is nobody to tell if the terminal is gone.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}
