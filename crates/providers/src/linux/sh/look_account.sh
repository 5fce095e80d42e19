# Looks at an account that we made. Changes nothing on it.
# Values: lock, account, mark, id or nothing, home, places to search or nothing, mode of the census and its values.
set -eu
lock=${1#=} name=${2#=} mark=${3#=} known=${4#=} home=${5#=} swept=${6#=}
mode=${7#=} from=${8#=} until=${9#=}
shift 9
older=${1#=} ids=${2#=}
say 'mayfly 1'
lock_account "$lock"
find_account "$name" "$mark" "$known"
count=0
if [ -n "$uid" ]; then
    census "$uid" "$mode" "$from" "$until" "$older" "$ids"
fi
say "found $found"
if [ "$found" = ours ]; then
    say "uid $uid"
    can_log_in "$current"
fi
if [ "$found" = ours ] && [ -n "$swept" ]; then
    leftovers "$swept"
    say "left $left"
fi
say "sessions $count"
micros
say "now $now"
say 'done'
