//! `top`: the best of each group.
//!
//! What an epoch brings is gathered in memory, group by group; at its end each group that was
//! touched is ranked once, emits what has changed in its ranking, and is written into the state.

mod config;
mod due;
mod emit;
mod finish;
mod group;
mod list;
mod standing;

use std::collections::{HashMap, VecDeque};

use squall_framework::{
    Bolt, Error, Flush, Inputs, Output, Problem, Result, State, Streams, TaskContext, Tuple,
    ValueRef,
};

pub(crate) use self::config::TopConfig;
use self::{
    config::Plan,
    group::{Group, check_sizes},
    standing::Standing,
};
use super::{parser::not_prepared, watermark::Watermark};
use crate::{columns::Columns, pack::pack, sortable::sortable};

pub(crate) struct Top {
    config: TopConfig,
    ready: Option<Ready>,
}

struct Ready {
    plan: Plan,
    state: State,
    watermark: Watermark,
    /// The fields of a tuple that are emitted.
    fields: Columns,
    id: Columns,
    /// The fields of the group that are not the grouping's.
    rest: Columns,
    by: Option<Columns>,
    /// The groups that were touched in this epoch, by the place of their state and their name.
    touched: HashMap<Vec<u8>, Group>,
    /// Those that are still to be ranked, while `flush` goes on; groups of one state are neighbours.
    finishing: Option<VecDeque<Group>>,
    scratch: Scratch,
}

/// Bytes that are made for each tuple.
#[derive(Default)]
struct Scratch {
    name: Vec<u8>,
    id: Vec<u8>,
    row: Vec<u8>,
}

impl Top {
    pub(crate) fn new(config: &TopConfig) -> Result<Self> {
        Ok(Self { config: config.clone(), ready: None })
    }
}

impl Bolt for Top {
    fn declare(&self, inputs: &Inputs) -> Result<Streams, Problem> {
        Plan::new(&self.config, inputs).map(|plan| Streams::one(plan.schema))
    }

    fn stateful(&self) -> bool {
        true
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        let inputs = context.inputs();
        let plan = Plan::new(&self.config, inputs)?;
        let columns = |names: &[String]| Columns::new(inputs, names.iter().map(String::as_str));
        let by = self.config.by.as_ref();
        self.ready = Some(Ready {
            state: context.state()?,
            watermark: Watermark::new(context, 0)?,
            fields: columns(&plan.fields)?,
            id: columns(&self.config.id)?,
            rest: columns(&plan.rest)?,
            by: by.map(|by| columns(std::slice::from_ref(by))).transpose()?,
            touched: HashMap::new(),
            finishing: None,
            scratch: Scratch::default(),
            plan,
        });
        Ok(())
    }

    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut Output) -> Result<()> {
        self.ready.as_mut().ok_or_else(not_prepared)?.take(tuple)
    }

    fn flush(&mut self, out: &mut Output) -> Result<Flush> {
        self.ready.as_mut().ok_or_else(not_prepared)?.finish(out)
    }
}

impl Ready {
    /// Takes note of a tuple. Nothing is changed if that fails.
    fn take(&mut self, tuple: &Tuple<'_>) -> Result<()> {
        let time = self.plan.time.as_ref().map(|time| time.of(tuple)).transpose()?;
        self.check_open(time)?;
        let standing = self.standing(tuple, time.unwrap_or_default())?;
        let Scratch { name, id, row } = &mut self.scratch;
        [&mut *name, &mut *id, &mut *row].into_iter().for_each(Vec::clear);
        self.rest.of(tuple).iter().for_each(|&column| sortable(tuple.at(column), name));
        self.id.of(tuple).iter().for_each(|&column| sortable(tuple.at(column), id));
        pack(self.fields.of(tuple).iter().map(|&column| tuple.at(column)), row);
        check_sizes(name, id, row)?;
        let mut key = self.state.place();
        let place = key.len();
        key.extend_from_slice(name);
        let group = match self.touched.get_mut(&key) {
            Some(group) => group,
            None => {
                let group = Group::load(&self.state, key[..place].to_vec(), name.clone())?;
                self.touched.entry(key).or_insert(group)
            }
        };
        group.put(&self.plan, id, standing, row);
        if let Some(time) = time {
            self.watermark.see(tuple, time);
        }
        Ok(())
    }

    /// Refuses a tuple whose group was closed: its ranking would begin anew, over the old one.
    fn check_open(&self, time: Option<i64>) -> Result<()> {
        if let (true, Some(expire), Some(time)) = (self.plan.closes, self.plan.expire, time)
            && Some(time.saturating_add(expire)) < self.watermark.now()
        {
            return Err(Error::data(
                "the tuple comes so late that its group was forgotten; a longer `expire` keeps it",
            ));
        }
        Ok(())
    }

    fn standing(&self, tuple: &Tuple<'_>, time: i64) -> Result<Option<Standing>> {
        let by = self.by.as_ref().and_then(|by| by.of(tuple).first());
        let value = by.map_or(ValueRef::Int(1), |&column| tuple.at(column));
        if self.plan.decay.is_some() {
            Standing::of_weight(value, time)
        } else {
            Standing::of(value, time)
        }
    }
}
