//! The rows of a commit, table by table.

use squall_framework::{Commit, StoreFault, TableRows};

use crate::{
    sql::{table::Table, value::Rows},
    values::for_table,
};

/// All rows of a commit for one table, in the order in which they came.
#[derive(Debug)]
pub(super) struct Gathered<'a> {
    pub(super) table: &'a Table,
    pub(super) rows: Rows<'a>,
    /// Which of the commit's parts they are from, and the number here of each part's first row.
    parts: Vec<(usize, usize)>,
}

impl Gathered<'_> {
    /// Where a row is in the commit: the number of its part, and its own in that.
    pub(super) fn origin(&self, row: usize) -> (usize, usize) {
        let after = self.parts.partition_point(|&(_, first)| first <= row);
        let (part, first) = self.parts[after - 1];
        (part, row - first)
    }
}

pub(super) fn gather(commit: &Commit) -> Result<Vec<Gathered<'_>>, StoreFault> {
    let mut all: Vec<Gathered<'_>> = Vec::new();
    for (part, rows) in commit.rows.iter().enumerate().filter(|(_, rows)| !rows.values.is_empty()) {
        let table = table(rows)?;
        let at = all.iter().position(|gathered| gathered.table == table).unwrap_or_else(|| {
            let (rows, parts) = (Rows::new(rows.columns), Vec::new());
            all.push(Gathered { table, rows, parts });
            all.len() - 1
        });
        let gathered = &mut all[at];
        gathered.parts.push((part, gathered.rows.len()));
        for row in rows.values.chunks_exact(rows.columns) {
            gathered.rows.push(row.iter().map(|value| for_table(value.as_ref())));
        }
    }
    Ok(all)
}

/// The table that these rows are for, if they fit it.
fn table(rows: &TableRows) -> Result<&Table, StoreFault> {
    let component = &rows.component;
    let Some(table) = rows.table.downcast_ref::<Table>() else {
        let problem = format!("the rows of `{component}` are not for a table of SQL");
        return Err(StoreFault::Refused(problem));
    };
    let columns = table.columns.len();
    if rows.columns != columns || !rows.values.len().is_multiple_of(columns) {
        return Err(StoreFault::Refused(format!(
            "the rows of `{component}` have {} columns and table `{}` has {columns}",
            rows.columns, table.name
        )));
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use squall_framework::Value;

    use super::*;
    use crate::sql::{Column, ColumnKind};

    fn rows(table: &str, numbers: &[i64]) -> TableRows {
        let columns = ["a", "b"].map(|name| Column::new(name, ColumnKind::Int)).to_vec();
        let (name, keys) = (table.to_owned(), Vec::new());
        TableRows {
            names: None,
            component: "save".into(),
            table: Arc::new(Table { name, columns, keys, create: false }),
            columns: 2,
            values: numbers.iter().copied().map(Value::Int).collect(),
        }
    }

    #[test]
    fn parts_for_one_table_stay_in_order_and_know_where_they_are_from() {
        let parts =
            vec![rows("t", &[1, 2, 3, 4]), rows("u", &[5, 6]), rows("t", &[]), rows("t", &[7, 8])];
        let commit = Commit { rows: parts, ..Commit::default() };
        let all = gather(&commit).unwrap();
        let names: Vec<_> = all.iter().map(|gathered| gathered.table.name.as_str()).collect();
        assert_eq!(names, ["t", "u"]);
        assert_eq!(all[0].rows.len(), 3);
        assert_eq!([0, 1, 2].map(|row| all[0].origin(row)), [(0, 0), (0, 1), (3, 0)]);
        assert_eq!(all[1].origin(0), (1, 0));
    }

    #[test]
    fn rows_that_are_for_something_else_are_refused() {
        let refused = |part| gather(&Commit { rows: vec![part], ..Commit::default() }).unwrap_err();
        let part = TableRows { table: Arc::new("a table"), ..rows("t", &[1, 2]) };
        assert!(refused(part).to_string().contains("`save` are not for a table"));
        assert!(refused(rows("t", &[1, 2, 3])).to_string().contains("table `t` has 2"));
        let part = TableRows { columns: 1, ..rows("t", &[1, 2]) };
        assert!(refused(part).to_string().contains("have 1 columns and table `t` has 2"));
    }
}
