//! What a `SELECT` consists of.

use super::Expr;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    /// Queries with names that stand in front.
    pub(crate) with: Vec<Named>,
    pub(crate) top: Option<Expr>,
    pub(crate) distinct: bool,
    pub(crate) items: Vec<Item>,
    /// The first table, if there is any, and those that are joined to it.
    pub(crate) from: Vec<Join>,
    pub(crate) filter: Option<Expr>,
    /// What to order by, and whether the other way round.
    pub(crate) order: Vec<(Expr, bool)>,
    /// What stands behind `UNION ALL` (`true`) or `UNION`.
    pub(crate) union: Option<(bool, Box<Query>)>,
}

/// A query with a name, and the names of its columns if they are given. It may speak of itself behind a `UNION ALL`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) query: Query,
}

/// What a query gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    /// All columns, of all tables or of one.
    All(Option<String>),
    /// An expression under a name, if it has one.
    Expr(Expr, Option<String>),
    /// An expression that becomes a variable.
    Assign(String, Expr),
}

/// A table among others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Join {
    pub(crate) source: Source,
    /// What the table is called in the query.
    pub(crate) alias: String,
    /// On which condition it is joined; none for the first, and for `CROSS JOIN`.
    pub(crate) on: Option<Expr>,
    /// Whether rows of before stay that have no counterpart.
    pub(crate) left: bool,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// A view or a table: the database if it is named, the schema, the name. All in lower case but the database.
    View(Option<String>, String, String),
    /// A variable that is a table, without its `@`.
    Variable(String),
    /// A query in brackets.
    Query(Box<Query>),
}
