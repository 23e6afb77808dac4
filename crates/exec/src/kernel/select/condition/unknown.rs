//! Errors about columns that do not exist.

use super::ColumnName;

/// The most column names that an error lists.
const MOST_NAMES: usize = 20;

/// The message that a column does not exist.
pub(super) fn unknown(column: &ColumnName, names: &[String], columns: usize) -> String {
    let all = match columns {
        0 => "rows have no columns".to_owned(),
        1 => "the only column is [0]".to_owned(),
        n => format!("columns go from [0] to [{}]", n - 1),
    };
    match column {
        ColumnName::Index(i) => format!("there is no column [{i}]; {all}"),
        ColumnName::Name(name) if names.is_empty() => {
            format!("the columns have no names, so there is no {name:?}; {all}, x is the value")
        }
        ColumnName::Name(name) => {
            let shown = names[..names.len().min(MOST_NAMES)].join(", ");
            let more = if names.len() > MOST_NAMES { ", …" } else { "" };
            format!("there is no column {name:?}; the columns are {shown}{more}; x is the value")
        }
    }
}
