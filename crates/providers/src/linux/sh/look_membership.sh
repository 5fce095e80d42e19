# Looks at a membership of an existing account. Changes nothing on it.
# Values: lock, account, its id, group's id, id of the change, whether the ledger knows it as ours, mode of the census and its values.
set -eu
lock=${1#=} name=${2#=} uid=${3#=} gid=${4#=} note=$state/added/${5#=} known=${6#=}
mode=${7#=} from=${8#=} until=${9#=}
shift 9
older=${1#=} ids=${2#=}
say 'mayfly 1'
lock_account "$lock"
name_of "$name" "$uid"
find_membership "$gid" "$note" "$known"
say "found $membership"
[ -z "$current" ] || can_log_in "$current"
census "$uid" "$mode" "$from" "$until" "$older" "$ids"
say "sessions $count"
micros
say "now $now"
say 'done'
