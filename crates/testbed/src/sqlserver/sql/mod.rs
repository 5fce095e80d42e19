//! The language: from the text of a batch to statements. Each file of this folder knows one part of it; what none knows is an
//! error that names the statement ([`SqlError::unknown`](super::error::SqlError::unknown)).

mod create;
mod cursor;
mod expression;
mod principal;
mod procedural;
mod query;
mod select;
mod statement;
mod token;

pub(crate) use expression::{Expr, Op};
pub(crate) use query::{Item, Join, Named, Query, Source};
pub(crate) use statement::{
    Argument, Authorization, AuthorizationOf, LoginChange, LoginOptions, ObjectName, Permission, RowsFrom, RowsTo,
    Statement, UserOf,
};

use super::error::SqlError;
use super::value::Kind;
use cursor::Cursor;

/// The statements of a batch.
///
/// # Errors
/// The first error in it, before anything of it is done.
pub(crate) fn parse(sql: &str) -> Result<Vec<Statement>, SqlError> {
    let tokens = token::tokens(sql)?;
    let mut cursor = Cursor::new(&tokens);
    let mut statements = Vec::new();
    loop {
        while cursor.take(";") {}
        if cursor.is_empty() {
            return Ok(statements);
        }
        statements.push(statement::statement(&mut cursor)?);
    }
}

/// The parameters of a statement with their types, as `sp_executesql` takes them: `@a int, @b nvarchar(10) OUTPUT`. The flag
/// says that one is wanted back.
///
/// # Errors
/// For a text that is no such list.
pub(crate) fn parameters(declared: &str) -> Result<Vec<(String, Kind, bool)>, SqlError> {
    let tokens = token::tokens(declared)?;
    let mut cursor = Cursor::new(&tokens);
    let mut parameters = Vec::new();
    while !cursor.is_empty() {
        let name = cursor.variable()?;
        let kind = expression::kind(&mut cursor)?;
        let output = cursor.take("OUTPUT") || cursor.take("OUT");
        parameters.push((name, kind, output));
        if !cursor.is_empty() {
            cursor.need(",")?;
        }
    }
    Ok(parameters)
}
