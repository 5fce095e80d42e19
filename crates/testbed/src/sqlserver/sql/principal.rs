//! Statements about logins, users, roles, owners and rights.

use super::super::error::SqlError;
use super::cursor::Cursor;
use super::statement::object;
use super::token::Token;
use super::{Authorization, AuthorizationOf, LoginChange, LoginOptions, ObjectName, Permission, Statement, UserOf};

/// `CREATE LOGIN name WITH PASSWORD = …`.
pub(super) fn create_login(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let name = cursor.name()?;
    if cursor.sees("FROM") {
        return Err(cursor.unknown());
    }
    cursor.need("WITH")?;
    let options = login_options(cursor)?;
    if options.password.is_none() && options.hashed.is_none() {
        return Err(cursor.wrong());
    }
    Ok(Statement::CreateLogin(name, options))
}

/// `ALTER LOGIN name ENABLE`, `DISABLE` or `WITH …`.
pub(super) fn alter_login(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let name = cursor.name()?;
    let change = if cursor.take("ENABLE") {
        LoginChange::Enable(true)
    } else if cursor.take("DISABLE") {
        LoginChange::Enable(false)
    } else if cursor.take("WITH") {
        LoginChange::With(login_options(cursor)?)
    } else {
        return Err(cursor.unknown());
    };
    Ok(Statement::AlterLogin(name, change))
}

fn login_options(cursor: &mut Cursor<'_>) -> Result<LoginOptions, SqlError> {
    let mut options = LoginOptions::default();
    loop {
        let at = *cursor;
        let option = cursor.name()?.to_uppercase();
        cursor.need("=")?;
        match option.as_str() {
            "PASSWORD" => {
                if let Some(Token::Binary(bytes)) = cursor.peek(0) {
                    cursor.next();
                    cursor.need("HASHED")?;
                    options.hashed = Some(bytes.clone());
                } else {
                    options.password = Some(cursor.text()?);
                }
                options.must_change |= cursor.take("MUST_CHANGE");
                if cursor.take("OLD_PASSWORD") {
                    cursor.need("=")?;
                    options.old_password = Some(cursor.text()?);
                }
                cursor.take("UNLOCK");
            }
            "SID" => match cursor.next() {
                Some(Token::Binary(bytes)) => options.sid = Some(bytes.clone()),
                _ => return Err(at.wrong()),
            },
            "DEFAULT_DATABASE" => options.default_database = Some(cursor.name()?),
            "DEFAULT_LANGUAGE" => drop(cursor.name()?),
            "CHECK_POLICY" => options.check_policy = Some(cursor.on_off()?),
            "CHECK_EXPIRATION" => options.check_expiration = Some(cursor.on_off()?),
            "NAME" => options.name = Some(cursor.name()?),
            _ => return Err(at.unknown()),
        }
        if !cursor.take(",") {
            return Ok(options);
        }
    }
}

/// `CREATE USER name` for a login, without one, or with a password.
pub(super) fn create_user(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let name = cursor.name()?;
    let mut schema = None;
    let of = if cursor.take("FOR LOGIN") || cursor.take("FROM LOGIN") {
        UserOf::Login(cursor.name()?)
    } else if cursor.take("WITHOUT LOGIN") {
        UserOf::Nobody
    } else if cursor.take("WITH PASSWORD") {
        cursor.need("=")?;
        let of = UserOf::Password(cursor.text()?);
        if cursor.take(",") {
            schema = Some(default_schema(cursor)?);
        }
        return Ok(Statement::CreateUser(name, of, schema));
    } else {
        UserOf::Login(name.clone())
    };
    if cursor.take("WITH") {
        schema = Some(default_schema(cursor)?);
    }
    Ok(Statement::CreateUser(name, of, schema))
}

fn default_schema(cursor: &mut Cursor<'_>) -> Result<String, SqlError> {
    if !cursor.take("DEFAULT_SCHEMA") {
        return Err(cursor.unknown());
    }
    cursor.need("=")?;
    cursor.name()
}

/// `ALTER USER name WITH DEFAULT_SCHEMA = …`.
pub(super) fn alter_user(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let name = cursor.name()?;
    cursor.need("WITH")?;
    if cursor.take("NAME") {
        cursor.need("=")?;
        return Ok(Statement::RenameUser(name, cursor.name()?));
    }
    Ok(Statement::AlterUser(name, default_schema(cursor)?))
}

/// `ALTER [SERVER] ROLE name ADD|DROP MEMBER …`.
pub(super) fn alter_role(
    cursor: &mut Cursor<'_>,
    make: fn(String, bool, String) -> Statement,
) -> Result<Statement, SqlError> {
    let role = cursor.name()?;
    let add = cursor.take("ADD MEMBER");
    if !add && !cursor.take("DROP MEMBER") {
        return Err(cursor.unknown());
    }
    Ok(make(role, add, cursor.name()?))
}

/// `ALTER AUTHORIZATION ON class::name TO owner`.
pub(super) fn authorization(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let classes = [
        ("SCHEMA", AuthorizationOf::Schema),
        ("ROLE", AuthorizationOf::Role),
        ("SERVER ROLE", AuthorizationOf::ServerRole),
        ("DATABASE", AuthorizationOf::Database),
        ("ENDPOINT", AuthorizationOf::Endpoint),
        ("OBJECT", AuthorizationOf::Object),
    ];
    let found = classes.into_iter().find(|(words, _)| {
        let mut ahead = *cursor;
        let seen = ahead.take(words) && ahead.take("::");
        if seen {
            *cursor = ahead;
        }
        seen
    });
    // Without a class it is an object.
    if found.is_none() && matches!(cursor.peek(1), Some(Token::Symbol("::"))) {
        return Err(cursor.unknown());
    }
    let class = found.map_or(AuthorizationOf::Object, |(_, class)| class);
    let name = object(cursor)?;
    cursor.need("TO")?;
    let to = if cursor.take("SCHEMA OWNER") { None } else { Some(cursor.name()?) };
    Ok(Statement::AlterAuthorization(Authorization { class, name, to }))
}

/// `GRANT`, `DENY` and `REVOKE`.
pub(super) fn permission(cursor: &mut Cursor<'_>, verb: &'static str) -> Result<Statement, SqlError> {
    let mut permissions = Vec::new();
    loop {
        let mut words = Vec::new();
        while !cursor.sees("ON") && !cursor.sees("TO") && !cursor.sees("FROM") {
            match cursor.peek(0) {
                Some(Token::Word(word)) => words.push(word.to_uppercase()),
                _ => break,
            }
            cursor.next();
        }
        if words.is_empty() {
            return Err(cursor.wrong());
        }
        permissions.push(words.join(" "));
        if !cursor.take(",") {
            break;
        }
    }
    let on = if cursor.take("ON") { Some(securable(cursor)?) } else { None };
    if !cursor.take("TO") {
        cursor.need("FROM")?;
    }
    let mut to = vec![cursor.name()?];
    while cursor.take(",") {
        to.push(cursor.name()?);
    }
    // Whoever has a right may give it on here, so that neither word changes anything.
    cursor.take("WITH GRANT OPTION");
    cursor.take("CASCADE");
    let by = if cursor.take("AS") { Some(cursor.name()?) } else { None };
    Ok(Statement::Permission(Permission { verb, permissions, on, to, by }))
}

/// What a right is for.
fn securable(cursor: &mut Cursor<'_>) -> Result<(String, ObjectName), SqlError> {
    let mut ahead = *cursor;
    let mut class = Vec::new();
    while let Some(Token::Word(word)) = ahead.peek(0) {
        class.push(word.to_uppercase());
        ahead.next();
    }
    if !class.is_empty() && ahead.take("::") {
        *cursor = ahead;
        return Ok((class.join(" "), object(cursor)?));
    }
    Ok(("OBJECT".to_owned(), object(cursor)?))
}
