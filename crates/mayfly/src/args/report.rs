//! The command line of `report`: what is asked by those who review access.

use super::values::name;
use crate::complete;
use clap::{Args, Subcommand};

/// `report`.
#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// Who may open what now, by what and for how long, and who did: a line for each person and record
    ///
    /// What somebody opened and may not open any more is listed too. `-o csv` for a spreadsheet.
    Access(ReportAccess),
    /// Who on the targets holds for good what sessions are given for a time; exit code 12 when anybody does
    ///
    /// Asks each target now, with the administrative credential: which accounts that can log in are superusers and the like, or in the
    /// role that sessions of the record are lifted into. Databases only; nothing is changed.
    Standing {
        /// Only the target of this record
        #[arg(long, value_name = "NAME", value_parser = name, add = complete::resources())]
        record: Option<String>,
    },
}

/// `report access`.
#[derive(Debug, Args)]
pub(crate) struct ReportAccess {
    /// Only this person
    #[arg(long, value_name = "NAME", value_parser = name, add = complete::people())]
    pub(crate) person: Option<String>,
    /// Only this record
    #[arg(long, value_name = "NAME", value_parser = name, add = complete::resources())]
    pub(crate) record: Option<String>,
    /// Count only sessions that were not over before then, such as 2026-11-24T16:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Count only sessions that had begun by then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}
