//! The bolt itself.

use squall_framework::{Bolt, Flush, Inputs, Output, Problem, Result, Streams, TaskContext, Tuple};

use super::{config::WindowConfig, fields::Fields, plan::Plan, task::Task};
use crate::bolt::parser::not_prepared;

pub(crate) struct Window {
    config: WindowConfig,
    ready: Option<(Fields, Task)>,
}

impl Window {
    pub(crate) fn new(config: &WindowConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }
}

impl Bolt for Window {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Ok(Plan::new(&self.config, inputs)?.streams())
    }

    fn stateful(&self) -> bool {
        true
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let plan = Plan::new(&self.config, context.inputs())?;
        let fields = Fields::new(&plan, context.inputs())?;
        self.ready = Some((fields, Task::new(plan, context)?));
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut Output) -> Result<()> {
        let (fields, task) = self.ready.as_mut().ok_or_else(not_prepared)?;
        task.add(fields.row(tuple)?, out)
    }

    fn flush(&mut self, out: &mut Output) -> Result<Flush> {
        let (_, task) = self.ready.as_mut().ok_or_else(not_prepared)?;
        task.flush(out)
    }
}
