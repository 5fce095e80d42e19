//! Looking for accounts that hold for good what sessions are given for a time. It only reads.

use super::pool::Pool;
use super::script::HOLDERS;
use super::settings::Settings;
use super::trouble::Trouble;
use crate::holders::{Holder, Holders, HoldersRequest, RIGHTS_MOST};
use mayfly_domain::{AccountName, Administration, Failure, Permit, WallTime};
use std::sync::Arc;

const DOING: &str = "looking who holds rights on the host";
/// A date of expiry is a day (shadow(5)).
const DAY: i64 = 86_400_000_000;

/// Looks.
pub(super) async fn holders(
    pool: &Arc<Pool>,
    by: &Administration,
    request: &HoldersRequest,
) -> Result<Holders, Failure> {
    Settings::read(&request.settings)?;
    let lease = pool.lease(Permit::Inspect(by), &request.place).await?;
    // One more than is answered tells that there are more.
    let most = (RIGHTS_MOST + 1).to_string();
    let values = [request.elevate.as_deref().unwrap_or_default(), &most];
    let answer = lease.run(&HOLDERS, &values).await.map_err(|trouble| trouble.failure(DOING))?;
    let (target, admin) = (lease.facts().target.clone(), &lease.facts().admin);
    let mut holders: Vec<Holder> = Vec::new();
    let mut told = 0;
    for line in answer.all("held").take(RIGHTS_MOST) {
        let (holder, right) = held(line, admin).map_err(|trouble| trouble.failure(DOING))?;
        match holders.last_mut().filter(|last| last.account == holder.account) {
            Some(last) => last.rights.push(right),
            None => holders.push(Holder { rights: vec![right], ..holder }),
        }
        told += 1;
    }
    holders.sort_by(|one, other| one.account.cmp(&other.account));
    Ok(Holders { target, holders, more: answer.all("held").count() > told })
}

/// Reads one line: whose right, and which.
fn held(line: &str, admin: &str) -> Result<(Holder, String), Trouble> {
    let fields: Vec<&str> = line.splitn(4, ':').collect();
    let [uid, name, expires, right] = fields[..] else { return Err(Trouble::Garbled) };
    let uid: u32 = uid.parse().map_err(|_| Trouble::Garbled)?;
    let days = match expires {
        "" => None,
        days => Some(days.parse::<i64>().map_err(|_| Trouble::Garbled)?),
    };
    let deadline =
        days.map(|days| days.checked_mul(DAY).map(WallTime::from_micros).ok_or(Trouble::Garbled)).transpose()?;
    let holder = Holder {
        account: AccountName::existing(name),
        native_id: uid.to_string(),
        administrative: name == admin,
        deadline,
        rights: Vec::new(),
    };
    Ok((holder, right.to_owned()))
}
