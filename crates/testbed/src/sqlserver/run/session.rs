//! Statements about sessions: `USE`, transactions, `KILL`.

use super::super::error::SqlError;
use super::super::sql::{Expr, Statement};
use super::super::value::{Value, same};
use super::super::views::no_access;
use super::{Event, Run};

impl Run<'_> {
    /// `USE`.
    pub(super) fn use_database(&mut self, name: &str) -> Result<(), SqlError> {
        let mut world = self.shared.for_session(self.own.session, self.own.lock_timeout)?;
        let database = world.catalogue.database(name)?;
        let may = match &self.own.contained {
            Some((home, _)) => same(home, name),
            None => world.catalogue.user_in(database, self.own.login).is_some(),
        };
        if !may {
            return Err(no_access(&self.own.login_name, name));
        }
        let new = database.name.clone();
        if let Some(session) = world.sessions.get_mut(self.own.session) {
            session.database = new.clone();
        }
        drop(world);
        let old = std::mem::replace(&mut self.own.database, new.clone());
        self.events.push(Event::Database(new, old));
        Ok(())
    }

    /// `BEGIN`, `COMMIT` and `ROLLBACK`.
    pub(super) fn transaction(&mut self, statement: &Statement) -> Result<(), SqlError> {
        match statement {
            Statement::Begin => {
                self.own.transactions += 1;
                if self.own.transactions == 1 {
                    self.events.push(Event::Begun);
                }
                self.count_transactions();
            }
            Statement::Commit if self.own.transactions == 0 => {
                let text = "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.";
                return Err(SqlError::new(3902, text));
            }
            Statement::Commit if self.own.transactions > 1 => self.own.transactions -= 1,
            Statement::Commit => {
                self.end_transaction(true);
                self.events.push(Event::Committed);
            }
            _ if self.own.transactions == 0 => {
                let text = "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.";
                return Err(SqlError::new(3903, text));
            }
            _ => {
                self.end_transaction(false);
                self.events.push(Event::RolledBack);
            }
        }
        Ok(())
    }

    /// Ends the transaction, if there is one.
    pub(crate) fn end_transaction(&mut self, keep: bool) {
        self.own.transactions = 0;
        self.shared.at_once().end(self.own.session, keep);
        self.shared.wake();
        self.count_transactions();
    }

    fn count_transactions(&self) {
        if let Some(session) = self.shared.at_once().sessions.get_mut(self.own.session) {
            session.transactions = self.own.transactions;
        }
    }

    /// `KILL`.
    pub(super) fn kill(&mut self, session: &Expr) -> Result<(), SqlError> {
        let Value::Int(number) = self.value(session)? else { return Err(SqlError::syntax("KILL")) };
        let mut world = self.shared.at_once();
        if !world.catalogue.may(self.own.login, "ALTER ANY CONNECTION") {
            return Err(SqlError::of_class(14, 6102, "User does not have permission to use the KILL statement."));
        }
        if self.own.transactions > 0 {
            return Err(SqlError::new(6115, "KILL command cannot be used inside user transactions."));
        }
        let id = u16::try_from(number).ok().filter(|id| (1..=2048).contains(id) || *id < u16::MAX && *id > 0);
        let Some(id) = id else {
            let text = format!("Process ID {number} is not a valid process ID. Choose a number between 1 and 2048.");
            return Err(SqlError::new(6101, text));
        };
        if id == self.own.session {
            return Err(SqlError::new(6104, "Cannot use KILL to kill your own process."));
        }
        if id < 51 {
            return Err(SqlError::of_class(14, 6107, "Only user processes can be killed."));
        }
        if !world.sessions.kill(id) {
            return Err(SqlError::new(6106, format!("Process ID {number} is not an active process ID.")));
        }
        drop(world);
        self.shared.wake();
        Ok(())
    }
}
